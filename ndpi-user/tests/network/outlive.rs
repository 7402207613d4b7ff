//! Enforcement without a process, and by the next one.

use std::fs::File;
use std::mem::offset_of;
use std::net::TcpListener;
use std::process::Stdio;

use ndpi_common::names::map;
use ndpi_common::{ABI_VERSION, Live, SILENCE_TICKS};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::instance::Instance;
use testkit::pair::{Datagrams, NEAR, Pair};
use testkit::program::{PROGRAMS, Run, binary, run};
use testkit::sandbox::Sandbox;
use testkit::wait_until;

use crate::killed::Exchange;
use crate::ready;
use crate::status::status;

pub(crate) const BLOCKED: u16 = 5000;
pub(crate) const FREE: u16 = 5001;

const POLICY: &str = "[[rule]]
name = \"blocked\"
port = 5000
action = \"drop\"

[[rule]]
name = \"free\"
port = 5001
action = \"count\"
";

/// The command line of an instance with [`POLICY`] on `left`.
pub(crate) fn command(sandbox: &Sandbox) -> String {
    let policy = sandbox.file("policy.toml", POLICY);
    format!("run --iface left --json --workers 2 --policy {}", policy.display())
}

/// A flow of datagrams with a verdict.
pub(crate) fn decided(pair: &Pair, instance: &Instance, port: u16) -> Datagrams {
    let flow = Datagrams::new(pair, port - 1000, port);
    flow.send(40);
    instance.wait_for(|record| record["type"] == "verdict" && record["dport"] == port);
    flow.arrived();
    flow
}

/// A blocked flow of an instance that was killed then.
fn left_behind(pair: &Pair, command: &str) -> Datagrams {
    let mut first = pair.sandbox.start(command);
    let blocked = decided(pair, &first, BLOCKED);
    first.end(Signal::KILL);
    blocked
}

/// Nothing is left at the near end.
pub(crate) fn assert_clean(sandbox: &Sandbox) {
    assert_eq!(sandbox.attached("left"), [""; 0]);
    assert_eq!(sandbox.pinned(), [""; 0]);
    assert_eq!(sandbox.locks(), [""; 0]);
}

/// What the map says of the flow to `port`.
pub(crate) fn entry(sandbox: &Sandbox, port: u16) -> Value {
    let run = sandbox.run("verdicts --json");
    let entries = run.records("entry");
    let is_it =
        |entry: &&Value| [&entry["lower_port"], &entry["upper_port"]].contains(&&port.into());
    entries.iter().find(is_it).unwrap_or_else(|| panic!("{run:#?}")).clone()
}

/// How many packets of the blocked flow were dropped.
fn dropped(sandbox: &Sandbox) -> u64 {
    entry(sandbox, BLOCKED)["dropped"].as_u64().unwrap()
}

/// Ends what was left: nothing stays, and the blocked flow passes.
fn assert_detached(sandbox: &Sandbox, blocked: &Datagrams) {
    assert_eq!(sandbox.run("detach").code, Some(0));
    assert_clean(sandbox);
    assert_eq!(blocked.arriving(10), 10);
}

#[test]
fn verdicts_stand_when_the_process_is_killed_and_the_next_one_goes_on() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let command = command(sandbox);
    let mut first = sandbox.start(&command);
    let (blocked, free) = (decided(&pair, &first, BLOCKED), decided(&pair, &first, FREE));
    let attached = sandbox.attached("left");
    let before = dropped(sandbox);
    first.end(Signal::KILL);

    assert_eq!(sandbox.attached("left"), attached);
    assert_eq!((blocked.arriving(10), free.arriving(10)), (0, 10));
    let unknown = Datagrams::new(&pair, 4002, 5002);
    assert_eq!(unknown.arriving(10), 10, "undecided, as the policy says");

    let mut next = sandbox.start(&command);
    let said = next.stderr();
    assert_eq!(sandbox.attached("left").len(), attached.len(), "in their place: {said}");
    assert_eq!((blocked.arriving(10), free.arriving(10)), (0, 10), "{said}");
    let entry = entry(sandbox, BLOCKED);
    assert_eq!(
        (&entry["rule_name"], &entry["dropped"]),
        (&"blocked".into(), &(before + 20).into())
    );
    assert!(next.end(Signal::TERM).success(), "{}", next.stderr());
    assert_clean(sandbox);
    assert_eq!(blocked.arriving(10), 10);
}

/// Has the programs believe that an instance which was killed has been gone for longer than by default.
fn make_long_gone(sandbox: &Sandbox) {
    let map = format!("/sys/fs/bpf/ndpi-xdp/{}", map::LIVE_PIN);
    let bpftool = |words: &str| {
        let done = run(sandbox.command("bpftool").args(words.split_whitespace()));
        assert_eq!(done.code, Some(0), "{done:#?}");
        done.stdout
    };
    let entry = bpftool(&format!("-j map lookup pinned {map} key hex 00 00 00 00"));
    let entry: Value = serde_json::from_str(&entry).unwrap();
    let bytes = entry["value"].as_array().unwrap().iter();
    let mut bytes: Vec<u8> = bytes
        .map(|byte| {
            u8::from_str_radix(byte.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
        })
        .collect();
    let place = offset_of!(Live, heartbeat)..offset_of!(Live, heartbeat) + 4;
    let heartbeat = u32::from_ne_bytes(bytes[place.clone()].try_into().unwrap());
    let earlier = heartbeat.saturating_sub(SILENCE_TICKS + 1).max(1);
    bytes[place].copy_from_slice(&earlier.to_ne_bytes());
    let value: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bpftool(&format!("map update pinned {map} key hex 00 00 00 00 value hex {}", value.join(" ")));
}

#[test]
fn flows_without_a_verdict_are_what_was_asked_for_when_the_process_was_killed() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let command = command(sandbox);
    for (when_gone, arrives, said) in [("closed", 0, "they are dropped"), ("open", 10, "they pass")]
    {
        let mut instance = sandbox.start(&format!("{command} --when-gone {when_gone}"));
        let free = decided(&pair, &instance, FREE);
        let blocked = decided(&pair, &instance, BLOCKED);
        instance.end(Signal::KILL);
        make_long_gone(sandbox);
        let unknown = Datagrams::new(&pair, 4002, 5002);
        assert_eq!(unknown.arriving(10), arrives, "{when_gone}");
        assert_eq!((blocked.arriving(10), free.arriving(10)), (0, 10), "{when_gone}");
        let status = sandbox.run("status").stdout;
        assert!(status.contains(&format!("not classified, and {said}")), "{status}");

        let mut next = sandbox.start(&format!("{command} --when-gone {when_gone}"));
        assert_eq!(unknown.arriving(10), 10, "somebody is there");
        assert!(next.end(Signal::TERM).success(), "{}", next.stderr());
    }
    assert_clean(sandbox);
}

#[test]
fn what_is_not_wanted_any_more_is_taken_off_and_said() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.start("run --iface left --iface right --json").end(Signal::KILL);
    assert!(!sandbox.attached("right").is_empty());
    let mut next = sandbox.start("run --iface left --json");
    next.wait_to_say("right: an earlier instance had left its programs there");
    assert_eq!(sandbox.attached("right"), [""; 0]);
    assert!(!sandbox.attached("left").is_empty());
    assert!(next.end(Signal::TERM).success(), "{}", next.stderr());
    sandbox.assert_clean();
}

#[test]
fn an_interface_that_has_gone_meanwhile_leaves_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.start("run --iface left --json").end(Signal::KILL);
    sandbox.ip("link del left");
    sandbox.ip("link add left type veth peer name right");
    let mut next = sandbox.start("run --iface left --json");
    assert!(!sandbox.attached("left").is_empty());
    assert!(next.end(Signal::TERM).success(), "{}", next.stderr());
    sandbox.assert_clean();
}

/// Runs what must fail, and would go on for ever if it did not.
fn refused(sandbox: &Sandbox, wrapper: &[&str], arguments: &str) -> Run {
    sandbox.run_with(&[&["timeout", "20"], wrapper].concat(), arguments)
}

/// Starts a program that may not make the sockets by which rejected flows are answered.
const WITHOUT_RAW: [&str; 4] = ["setpriv", "--inh-caps=-net_raw", "--bounding-set=-net_raw", "--"];

/// The same command with a policy that rejects what [`POLICY`] drops.
fn rejecting(sandbox: &Sandbox, command: &str) -> String {
    sandbox.file("reject.toml", &POLICY.replace("drop", "reject"));
    command.replace("policy.toml", "reject.toml")
}

/// What others see of an instance that is gone.
fn seen(sandbox: &Sandbox) -> (Value, Vec<String>, Vec<String>) {
    let (mut status, _) = status(sandbox);
    // When it was asked; and programs count on, as when a connection that was closed has a last packet.
    for changing in ["time", "packets"] {
        status.as_object_mut().unwrap().remove(changing).unwrap();
    }
    (status, sandbox.pinned(), sandbox.attached("left"))
}

/// Makes `left` a bridge, which runs XDP in no driver, with what was `left` as its port.
fn without_native(sandbox: &Sandbox) {
    for arguments in [
        "link set left down",
        "link set left name port",
        "link add left type bridge",
        "link set port master left",
        "address flush dev port",
        &format!("address add {NEAR}/30 dev left"),
        "link set port up",
        "link set left up",
    ] {
        sandbox.ip(arguments);
    }
}

#[test]
fn a_start_that_fails_at_whatever_step_leaves_what_stood() {
    if !ready(&[&PROGRAMS[..], &["setpriv"]].concat()) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    without_native(sandbox);
    let command = command(sandbox);
    let blocked = left_behind(&pair, &command);
    let listener = pair.near(|| TcpListener::bind((NEAR, 0)).unwrap());
    let taken = listener.local_addr().unwrap().to_string();
    let before = seen(sandbox);
    let failing: [(&[&str], String, &str); 2] = [
        (&[], format!("{command} --mode native"), "native mode"),
        (&WITHOUT_RAW, rejecting(sandbox, &command), "CAP_NET_RAW"),
    ];
    for (more, why) in
        [("--iface nowhere", "nowhere"), (&format!("--output json:tcp-listen:{taken}"), &taken)]
    {
        refused(sandbox, &[], &format!("{command} {more}")).assert_failed(1, &[why]);
        assert_eq!(seen(sandbox), before, "{why}");
    }
    for (wrapper, command, why) in failing {
        let said = refused(sandbox, wrapper, &command);
        said.assert_failed(1, &[why, "what an earlier instance has left is as it was"]);
        assert_eq!(seen(sandbox), before, "{why}");
    }
    let counted = dropped(sandbox);
    assert_eq!(blocked.arriving(10), 0);
    assert_eq!(dropped(sandbox), counted + 10);
    let mut next = sandbox.start(&command);
    assert_eq!(blocked.arriving(10), 0);
    assert_eq!(dropped(sandbox), counted + 20);
    assert!(next.end(Signal::TERM).success(), "{}", next.stderr());
    assert_clean(sandbox);
}

/// Leaves a pin that a start makes before it takes the place of what is there, and is killed.
fn stage(sandbox: &Sandbox) {
    let pins = "/sys/fs/bpf/ndpi-xdp";
    let words = [format!("{pins}/VERDICTS_V4"), format!("{pins}/new_VERDICTS_V4")];
    let linked = run(sandbox.command("ln").args(words));
    assert_eq!(linked.code, Some(0), "{linked:#?}");
}

#[test]
fn what_a_killed_start_has_staged_goes_with_the_next_one_and_with_detach() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let command = command(sandbox);
    let blocked = left_behind(&pair, &command);
    let before = sandbox.pinned();
    stage(sandbox);
    let rejecting = rejecting(sandbox, &command);
    refused(sandbox, &WITHOUT_RAW, &rejecting).assert_failed(1, &["CAP_NET_RAW"]);
    assert_eq!(sandbox.pinned(), before);
    stage(sandbox);
    assert_detached(sandbox, &blocked);
}

#[test]
fn a_dry_run_that_is_gone_is_not_said_to_enforce() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.start("run --iface left --json --dry-run").end(Signal::KILL);
    let said = sandbox.run("status");
    assert!(said.stdout.contains("Nothing is dropped there"), "{said:#?}");
    assert!(!said.stdout.contains("is enforced"), "{said:#?}");
    assert_eq!(sandbox.run("detach").code, Some(0));
    sandbox.assert_clean();
}

#[test]
fn a_stop_before_it_has_attached_leaves_what_stood_and_says_so() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let command = command(sandbox);
    let blocked = left_behind(&pair, &command);
    let before = seen(sandbox);
    let stderr = sandbox.folder().join("stderr");
    let mut start = sandbox.command(&binary().display().to_string());
    let start = start.args(command.split_whitespace()).stdout(Stdio::null());
    let mut start = start.stderr(File::create(&stderr).unwrap()).spawn().unwrap();
    // It has the lock, and loads the programs next; where it is faster than this, there is nothing to see.
    let holder = || run(sandbox.command("sh").args(["-c", "cat /run/ndpi-xdp/*.lock"])).stdout;
    wait_until(|| holder().starts_with(&format!("{}\n", start.id())));
    kill_process(Pid::from_child(&start), Signal::TERM).unwrap();
    start.wait().unwrap();
    let said = std::fs::read_to_string(&stderr).unwrap();
    if said.contains("attached to") {
        return;
    }
    assert!(said.contains("stopped before anything was attached"), "{said}");
    assert!(said.contains("what an earlier instance has left is as it was"), "{said}");
    assert_eq!(seen(sandbox), before);
    assert_eq!(blocked.arriving(10), 0);
    assert_eq!(sandbox.run("detach").code, Some(0));
    assert_clean(sandbox);
}

#[test]
fn verdicts_move_to_tables_of_another_size() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let command = command(sandbox);
    let blocked = left_behind(&pair, &command);
    let before = dropped(sandbox);
    for size in ["1000", "3000"] {
        let mut next = sandbox.start(&format!("{command} --max-flows {size}"));
        assert_eq!(blocked.arriving(10), 0, "{}", next.stderr());
        assert!(dropped(sandbox) >= before + 10);
        next.end(Signal::KILL);
    }
    assert_detached(sandbox, &blocked);
}

/// Has what an instance has left look as if an ndpi-xdp of another version of the maps had left it.
fn set_version(sandbox: &Sandbox, version: u32) {
    let bytes = version.to_le_bytes().map(|byte| byte.to_string()).join(" ");
    // Of a process that there cannot be.
    let value = format!("{bytes} 255 255 255 127 0 0 0 0 0 0 0 0");
    let script = format!(
        "bpftool map update pinned /sys/fs/bpf/ndpi-xdp/INSTANCE key 0 0 0 0 value {value}"
    );
    let set = run(sandbox.command("sh").args(["-c", &script]));
    assert_eq!(set.code, Some(0), "{set:#?}");
}

#[test]
fn verdicts_outlive_an_upgrade_to_another_version_of_the_maps() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let command = command(sandbox);
    let blocked = left_behind(&pair, &command);
    let (before, first) = (dropped(sandbox), entry(sandbox, BLOCKED));
    set_version(sandbox, ABI_VERSION - 1);
    let mut next = sandbox.start(&command);
    assert_eq!(blocked.arriving(10), 0, "{}", next.stderr());
    assert!(dropped(sandbox) >= before + 10, "counters go on");
    let carried = entry(sandbox, BLOCKED);
    for entry in [first, carried] {
        assert_eq!((&entry["rule_name"], &entry["action"]), (&"blocked".into(), &"drop".into()));
    }
    next.end(Signal::KILL);
    // Before what is known of any.
    set_version(sandbox, 1);
    let mut last = sandbox.start(&command);
    let said = last.stderr();
    assert!(said.contains("are of version 1") && said.contains("decided again"), "{said}");
    assert_ne!(blocked.arriving(10), 0, "it has no verdict to begin with");
    last.end(Signal::KILL);
    assert_detached(sandbox, &blocked);
}

#[test]
fn a_stop_that_keeps_loses_no_verdict_and_breaks_no_connection() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let command = command(sandbox) + " --keep";
    let mut first = sandbox.start(&command);
    let (blocked, free) = (decided(&pair, &first, BLOCKED), decided(&pair, &first, FREE));
    let mut exchange = Exchange::new(&pair);
    exchange.go(1);
    let mut counted = dropped(sandbox);
    let mut stands = |during: &str| {
        assert_eq!((blocked.arriving(10), free.arriving(10)), (0, 10), "{during}");
        exchange.go(2);
        counted += 10;
        assert_eq!(dropped(sandbox), counted, "{during}");
    };
    for _ in 0..2 {
        let attached = sandbox.attached("left");
        assert!(first.end(Signal::TERM).success(), "{}", first.stderr());
        let said = first.stderr();
        assert!(said.lines().last().unwrap().contains("left in place on left"), "{said}");
        assert_eq!(sandbox.attached("left"), attached);
        assert_eq!(status(sandbox).0["state"], "dead");
        stands("without a process");
        first = sandbox.start(&command);
        stands("with the next one");
    }
    first.signal(Signal::TERM);
    first.end(Signal::TERM);
    stands("after a second signal");
    assert_detached(sandbox, &blocked);
}

#[test]
fn what_is_not_pinned_ends_with_the_process() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let policy = sandbox.file("policy.toml", POLICY);
    let command = format!("run --iface left --json --no-pin --policy {}", policy.display());
    let mut instance = sandbox.start(&command);
    let blocked = decided(&pair, &instance, BLOCKED);
    assert_eq!(blocked.arriving(10), 0);
    assert_eq!((sandbox.pinned(), sandbox.locks()), (vec![], vec![]));
    instance.end(Signal::KILL);
    wait_until(|| sandbox.attached("left") == [""; 0]);
    assert_clean(sandbox);
    assert_eq!(blocked.arriving(10), 10);
}
