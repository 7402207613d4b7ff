//! `ndpi-xdp run` on interfaces that are not as it needs them.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::bpf::call::Place;
use testkit::bpf::code::{TC_NEXT, TC_OK};
use testkit::foreign::{ForeignEgress, ForeignProgram};
use testkit::instance::Instance;
use testkit::interface::{self, Feature};
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::{PROGRAMS, run};
use testkit::sandbox::Sandbox;
use testkit::tun::{HERE, THERE, Tun};
use testkit::wait_until;

use crate::ready;
use crate::status::wait_for_problems;

#[test]
fn no_such_interface() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox
        .run("run --iface lefty")
        .assert_failed(1, &["no interface lefty", "did you mean left?"]);
    sandbox.assert_clean();
}

#[test]
fn one_of_two_interfaces_missing_leaves_the_other_alone() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("run --iface left --iface nowhere").assert_failed(1, &["nowhere"]);
    sandbox.assert_clean();
}

#[test]
fn an_interface_that_is_down_is_attached_to_and_named() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.ip("link set left down");
    let mut instance = sandbox.start("run --iface left --json");
    instance.wait_to_say("left is down: attached");
    assert!(!sandbox.attached("left").is_empty());
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn a_program_of_somebody_else_stays() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let foreign = ForeignProgram::load();
    foreign.attach(&sandbox, "left");
    let before = sandbox.attached("left");
    let hint = format!("bpftool prog show id {}", foreign.id());
    let run = sandbox.run("run --iface left");
    run.assert_failed(1, &["left already has an XDP program", "one at a time", &hint]);
    // Nothing that would switch off what somebody else needs.
    assert!(!run.stderr.contains(" off"), "{}", run.stderr);
    assert_eq!(sandbox.attached("left"), before);
    assert!(before[0].contains(&foreign.id()), "{before:?}");
    assert_eq!(sandbox.pinned(), [""; 0]);
}

#[test]
fn a_driver_without_native_mode_gets_generic() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    // Bridges have no XDP of their own.
    sandbox.ip("link add bridge type bridge");
    sandbox.ip("link set bridge up");
    let mut instance = sandbox.start("run --iface bridge --mode auto --json");
    let said = instance.wait_to_say("generic");
    assert!(said.contains("warning: "), "{said}");
    assert!(sandbox.attached("bridge").iter().any(|program| program.contains("XDP")));
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert_eq!(sandbox.attached("bridge"), [""; 0]);
    sandbox.assert_clean();
}

#[test]
fn native_mode_that_is_asked_for_is_not_replaced() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.ip("link add bridge type bridge");
    let run = sandbox.run("run --iface bridge --mode native");
    run.assert_failed(1, &["bridge", "native", "--mode"]);
    assert_eq!(sandbox.attached("bridge"), [""; 0]);
    sandbox.assert_clean();
}

#[test]
fn a_port_of_a_bridge_that_is_watched_is_refused_with_the_reason() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.ip("link add bridge type bridge");
    sandbox.ip("link set left master bridge");
    let run = sandbox.run("run --iface bridge --iface left");
    run.assert_failed(1, &["no XDP program on left", "above it has one (bridge)", "not both"]);
    // The kernel allows it in this order.
    let mut instance = sandbox.start("run --iface left --iface bridge --json");
    instance.wait_to_say("count twice");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn packets_of_the_loopback_count_once() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.ip("link set lo up");
    let mut instance = sandbox.start("run --iface lo --json --workers 1");
    sandbox.inside(|| {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        for _ in 0..10 {
            one.send_to(b"once", other.local_addr().unwrap()).unwrap();
        }
    });
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let flow = instance.wait_for(|record| record["type"] == "flow" && record["proto"] == 17);
    assert_eq!(flow["packets"], 10, "{flow}");
    let stopped = instance.wait_for(|record| record["state"] == "stopped");
    assert_eq!(stopped["seen"], 10, "{stopped}");
    assert_eq!(sandbox.attached("lo"), [""; 0]);
}

#[test]
fn a_signal_while_it_starts_keeps_it_from_attaching() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&testkit::program::binary().display().to_string());
    let log = sandbox.folder().join("log");
    let mut child = command
        .args(["run", "--iface", "left", "-v"])
        .stdout(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    // It has the lock of its pins, and is about to load the programs, which takes a while.
    wait_until(|| !sandbox.locks().is_empty());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let status = child.wait().unwrap();
    let said = fs::read_to_string(&log).unwrap();
    assert!(status.success() && said.contains("stopped before anything was attached"), "{said}");
    assert!(!said.contains("attached to"), "{said}");
    sandbox.assert_clean();
}

#[test]
fn a_second_signal_while_it_starts_leaves_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&testkit::program::binary().display().to_string());
    let command = command.args(["run", "--iface", "left"]).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| !sandbox.locks().is_empty());
    for signal in [Signal::INT, Signal::TERM] {
        kill_process(Pid::from_child(&child), signal).unwrap();
    }
    child.wait().unwrap();
    sandbox.assert_clean();
    assert_eq!(sandbox.locks(), [""; 0]);
}

#[test]
fn filters_at_ingress_see_whole_packets_behind_generic_xdp() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let receiver = pair.near(|| UdpSocket::bind((NEAR, 0)).unwrap());
    let sender = pair.far(|| UdpSocket::bind((FAR, 0)).unwrap());
    let arrives = |patience| {
        receiver.set_read_timeout(Some(Duration::from_millis(patience))).unwrap();
        sender.send_to(b"hello", receiver.local_addr().unwrap()).unwrap();
        receiver.recv(&mut [0; 16]).is_ok()
    };
    let mut instance = pair.sandbox.start("run --iface left --mode generic --json");
    assert!(arrives(10_000));
    // An operator's filter: it drops what has the EtherType of IPv4 at offset 12.
    let bytecode = "4,40 0 0 12,21 0 1 2048,6 0 0 2,6 0 0 4294967295";
    let tc = |arguments: &[&str]| run(pair.sandbox.command("tc").args(arguments));
    // There is one already if the kernel has no tcx.
    tc(&["qdisc", "add", "dev", "left", "clsact"]);
    let filter = ["filter", "add", "dev", "left", "ingress", "pref", "7", "bpf", "da"];
    let added = tc(&[&filter[..], &["bytecode", bytecode]].concat());
    assert_eq!(added.code, Some(0), "{added:#?}");
    assert!(!arrives(500), "the filter was shown something else than the packet");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

/// What nDPI knows at first sight.
const RTSP: &[u8] = b"RTSP/1.0 200 OK\r\n\r\n";
const LATER: usize = 10;

#[test]
fn packets_without_a_link_header_are_read_and_blocked_in_both_directions() {
    if !ready(&PROGRAMS) {
        return;
    }
    // PPP in name only: real lines need pppd and CONFIG_PPP, which kernels of virtual machines often lack.
    // The programs go by the type, and there as here no header comes before that of IP.
    let (none, ppp) = (libc::ARPHRD_NONE, libc::ARPHRD_PPP);
    for (mode, hardware) in [("auto", none), ("generic", none), ("auto", ppp)] {
        let sandbox = Sandbox::new();
        let tun = Tun::up(&sandbox, "tun0", hardware);
        let rule = "[[rule]]\nname = \"no RTSP\"\napp = \"RTSP\"\naction = \"drop\"\n";
        let policy = sandbox.file("policy.toml", rule);
        let arguments =
            format!("run --iface tun0 --json --mode {mode} --policy {}", policy.display());
        let mut instance = sandbox.start(&arguments);
        assert!(!instance.stderr().contains("tun0: packets are read"), "nothing has come yet");
        let here = sandbox.inside(|| UdpSocket::bind((HERE, 7000)).unwrap());
        here.set_nonblocking(true).unwrap();

        tun.come_in([40_000, 7000], RTSP);
        let verdict = instance.wait_for(|record| record["type"] == "verdict");
        assert_eq!((&verdict["iface"], &verdict["app"]), (&"tun0".into(), &"RTSP".into()));
        assert_eq!((&verdict["src"], &verdict["action"]), (&"198.18.8.2".into(), &"drop".into()));
        instance.wait_to_say("tun0: packets are read");
        (0..LATER).for_each(|_| tun.come_in([40_000, 7000], RTSP));
        assert_eq!(std::iter::from_fn(|| here.recv(&mut [0; 64]).ok()).count(), 1, "one leaked");

        let out = sandbox.inside(|| UdpSocket::bind((HERE, 40_001)).unwrap());
        out.send_to(RTSP, (THERE, 7001)).unwrap();
        instance.wait_for(|record| record["type"] == "verdict" && record["dport"] == 7001);
        (0..LATER).for_each(|_| _ = out.send_to(RTSP, (THERE, 7001)));
        assert_eq!(tun.gone_out(RTSP), 1, "one leaked");

        assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
        let said = instance.stderr();
        assert!(!said.contains("not_ip"), "{said}");
        assert_eq!(sandbox.attached("tun0"), [""; 0]);
        sandbox.assert_clean();
    }
}

#[test]
fn interfaces_whose_packets_cannot_be_read_are_refused_with_the_reason() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let _odd = Tun::of_type(&sandbox, "odd0", libc::ARPHRD_IEEE80211_RADIOTAP);
    let run = sandbox.run("run --iface odd0");
    run.assert_failed(1, &["cannot watch odd0", "neither", "type 803"]);
    let _tun = Tun::new(&sandbox, "tun0");
    for peer in ["tun0=left", "left=tun0"] {
        let run = sandbox.run(&format!("run --peer {peer}"));
        run.assert_failed(1, &["tun0 cannot be joined", "no Ethernet header"]);
    }
    assert_eq!(sandbox.attached("tun0"), [""; 0]);
    sandbox.assert_clean();
}

/// Waits for the `status` record of this state about an interface.
#[track_caller]
fn wait_for(instance: &Instance, state: &str, interface: &str) -> Value {
    instance.wait_for(|record| {
        record["type"] == "status" && record["state"] == state && record["iface"] == interface
    })
}

/// Detaches the link that holds the XDP program of `interface`, as an operator may.
fn detach_xdp(sandbox: &Sandbox, interface: &str) {
    let json =
        |command: &mut Command| -> Value { serde_json::from_str(&run(command).stdout).unwrap() };
    let shown = json(sandbox.command("ip").args(["-j", "link", "show", interface]));
    let program = &shown[0]["xdp"]["prog"]["id"];
    let links = json(sandbox.command("bpftool").args(["-j", "link", "show"]));
    // The program of this instance, which watches nothing else.
    let is_it = |link: &&Value| link["type"] == "xdp" && link["prog_id"] == *program;
    let link = links.as_array().unwrap().iter().find(is_it).expect("a link");
    let id = link["id"].to_string();
    let detached = run(sandbox.command("bpftool").args(["link", "detach", "id", &id]));
    assert_eq!(detached.code, Some(0), "{detached:#?}");
}

#[test]
fn an_interface_that_goes_is_reported_and_attached_again_when_it_returns() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let policy = sandbox.file("policy.toml", "default = \"count\"\n");
    let command = format!("run --iface left --json --workers 1 --policy {}", policy.display());
    let mut instance = sandbox.start(&command);
    let reload = || sandbox.run("policy reload").stdout;
    assert!(reload().contains("0 rules in force"));
    sandbox.ip("link del left");
    let gone = wait_for(&instance, "detached", "left");
    assert_eq!(gone["why"], "gone");
    instance.wait_to_say("warning: left is gone: nothing is enforced there");
    let said = reload();
    assert!(said.contains("not enforced on left (gone)") && !said.contains("in force"), "{said}");
    sandbox.ip("link add left type veth peer name right");
    let back = wait_for(&instance, "attached", "left");
    assert_eq!(back["attached"]["egress"], "tcx", "{back}");
    assert_ne!(back["ifindex"], gone["ifindex"]);
    assert!(!sandbox.attached("left").is_empty());
    assert!(reload().contains("0 rules in force"));
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn a_program_that_is_taken_off_is_reported_and_put_back() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json --workers 1");
    let before = sandbox.attached("left");
    // Nothing tells of it.
    detach_xdp(&sandbox, "left");
    assert_eq!(wait_for(&instance, "detached", "left")["why"], "taken-off");
    instance.wait_to_say("what comes in is not enforced there");
    wait_for(&instance, "attached", "left");
    assert_eq!(sandbox.attached("left"), before);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn interfaces_that_a_pattern_fits_are_attached_to_whenever_they_come() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface dyn* --iface le?t --json --workers 1");
    assert!(!sandbox.attached("left").is_empty() && sandbox.attached("right").is_empty());
    sandbox.ip("link add dyn0 type veth peer name dyn1");
    wait_for(&instance, "attached", "dyn1");
    assert!(!sandbox.attached("dyn0").is_empty() && !sandbox.attached("dyn1").is_empty());
    sandbox.ip("link del dyn0");
    wait_for(&instance, "detached", "dyn0");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn it_ends_when_the_interface_is_gone_if_it_is_to() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let command = "run --iface left --iface ri* --exit-when-gone --json --workers 1";
    let mut instance = sandbox.start(command);
    // Both ends go together.
    sandbox.ip("link del left");
    instance.wait_to_say("(--exit-when-gone)");
    assert_eq!(instance.ended().code(), Some(1), "{}", instance.stderr());
    instance.wait_for(|record| record["state"] == "stopped");
    assert_eq!(sandbox.pinned(), [""; 0]);
}

#[test]
fn a_renamed_interface_stays_attached_and_another_of_its_name_is_attached_to() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json --workers 1");
    for arguments in ["set left down", "set left name other", "set other up"] {
        sandbox.ip(&format!("link {arguments}"));
    }
    wait_for(&instance, "renamed", "other");
    sandbox.ip("link add left type veth peer name left1");
    wait_for(&instance, "attached", "left");
    for interface in ["other", "left"] {
        assert!(!sandbox.attached(interface).is_empty(), "{interface}");
    }
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert_eq!(sandbox.attached("other"), [""; 0]);
    sandbox.assert_clean();
}

#[test]
fn going_down_another_mtu_and_another_namespace_take_nothing_off() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json --workers 1");
    let before = sandbox.attached("left");
    for change in ["mtu 1400", "down", "up", "mtu 1500"] {
        sandbox.ip(&format!("link set left {change}"));
    }
    let elsewhere = sandbox.beside();
    sandbox.ip(&format!("link set left netns {}", elsewhere.name()));
    let moved = wait_for(&instance, "detached", "left");
    assert_eq!(moved["why"], "moved", "nothing happened before: {moved}");
    instance.wait_to_say("does not follow");
    elsewhere.ip(&format!("link set left netns {}", sandbox.name())).unwrap();
    sandbox.ip("link set left up");
    wait_for(&instance, "attached", "left");
    assert_eq!(sandbox.attached("left"), before);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

/// Moves `left` away and back, with its index taken `here` meanwhile, or where it goes to.
fn come_back_under_another_index(here: bool) {
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --iface dyn* --json --workers 1");
    let index = sandbox.inside(|| interface::index("left").unwrap());
    let elsewhere = sandbox.beside();
    let add = format!("link add dyn0 index {index} type veth peer name other");
    if !here {
        elsewhere.ip(&add).unwrap();
    }
    sandbox.ip(&format!("link set left netns {}", elsewhere.name()));
    wait_for(&instance, "detached", "left");
    if here {
        sandbox.ip(&add);
        assert_eq!(wait_for(&instance, "attached", "dyn0")["ifindex"], index);
        assert!(!sandbox.attached("dyn0").is_empty());
    }
    elsewhere.ip(&format!("link set left netns {}", sandbox.name())).unwrap();
    assert_ne!(wait_for(&instance, "attached", "left")["ifindex"], index);
    assert!(!sandbox.attached("left").is_empty());
    // Whatever is to be said of the old index is said before this.
    sandbox.ip("link add dyn1 type veth peer name other1");
    wait_for(&instance, "attached", "dyn1");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let said = instance.stderr();
    assert!(!said.contains("is gone") && !said.contains("is called"), "{said}");
    sandbox.assert_clean();
}

#[test]
fn one_that_comes_back_under_another_index_is_attached_to_and_not_said_to_be_gone() {
    if ready(&PROGRAMS) {
        [true, false].into_iter().for_each(come_back_under_another_index);
    }
}

#[test]
fn a_veth_runs_native_xdp_where_its_other_end_has_no_offload_to_lose() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let attached = |options: &str| {
        let mut instance = sandbox.start(&format!("run --iface left --json --workers 1 {options}"));
        assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
        let generic = instance.stderr().contains("attached to left: XDP (generic)");
        (generic, instance.stderr())
    };
    let set_offload = |on: bool| {
        sandbox.inside(|| interface::switch("right", Feature::Segmentation, on).unwrap());
    };
    let (generic, said) = attached("");
    assert!(generic && said.contains("native mode would slow TCP"), "{said}");
    assert!(said.contains("ethtool -K right tso off"), "{said}");
    let (generic, said) = attached("--mode native");
    assert!(!generic && said.contains("warning: left is a veth"), "{said}");
    set_offload(false);
    for options in ["", "--mode native"] {
        let (generic, said) = attached(options);
        assert!(!generic && !said.contains("veth"), "{said}");
    }
    set_offload(true);
    let elsewhere = sandbox.beside();
    sandbox.ip(&format!("link set right netns {}", elsewhere.name()));
    let (generic, said) = attached("");
    assert!(generic && said.contains("another network namespace"), "{said}");
    // What the other end runs natively has taken its offload already.
    elsewhere.ip(&format!("link set right netns {}", sandbox.name())).unwrap();
    let foreign = ForeignProgram::load();
    foreign.attach(&sandbox, "right");
    let (generic, said) = attached("");
    assert!(!generic, "{said}");
}

#[test]
fn whoever_comes_before_us_at_egress_is_named_and_what_they_hide_is_said() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let mut instance = pair.sandbox.start("run --iface left --json");
    let is = |record: &Value, state: &str| record["type"] == "status" && record["state"] == state;
    let socket = pair.near(|| UdpSocket::bind((NEAR, 0)).unwrap());
    let index = pair.near(|| interface::index("left").unwrap());
    // It hands packets on: what it could hide is said, and nothing is hidden.
    let kind = pair.near(|| ForeignEgress::attach(index, Place::First, TC_NEXT));
    let behind = instance.wait_for(|record| is(record, "egress-behind"));
    assert_eq!(behind["iface"], "left");
    let named = behind["before"][0].as_str().unwrap();
    assert!(named.contains("the tcx program neighbour (id "), "{named}");
    let said = instance.wait_to_say("warning: left: at egress");
    assert!(said.contains(named), "{said}");
    wait_for_problems(&pair.sandbox, &["egress-behind"], 0);
    drop(kind);
    instance.wait_for(|record| is(record, "egress-first"));
    wait_for_problems(&pair.sandbox, &[], 0);
    // It lets packets pass for good.
    let _greedy = pair.near(|| ForeignEgress::attach(index, Place::First, TC_OK));
    instance.wait_for(|record| is(record, "egress-behind"));
    let sending = AtomicBool::new(true);
    let blind = std::thread::scope(|scope| {
        scope.spawn(|| {
            while sending.load(Ordering::Relaxed) {
                socket.send_to(b"unseen", (FAR, 9)).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let blind = instance.wait_for(|record| is(record, "egress-blind"));
        sending.store(false, Ordering::Relaxed);
        blind
    });
    assert!(blind["sent"].as_u64() >= Some(10) && blind["seen"].as_u64() < Some(10), "{blind}");
    instance.wait_to_say("nothing is enforced");
    wait_for_problems(&pair.sandbox, &["egress-blind"], 1);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}
