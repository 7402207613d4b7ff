//! A policy that changes while it is in force.

use std::ffi::CString;
use std::fs;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::pair::{Datagrams, Pair};
use testkit::program::{PROGRAMS, Run, binary};
use testkit::sandbox::Sandbox;
use testkit::wait_until;

use crate::ready;

/// Where the instance of a sandbox listens.
const SOCKET: &str = "/run/ndpi-xdp/sys-fs-bpf-ndpi%2dxdp.sock";

fn rule(name: &str, what: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nport = 5000\n{what}\n")
}

/// An instance with this policy on `left`, and the policy's file.
fn start(sandbox: &Sandbox, policy: &str) -> (Instance, PathBuf) {
    let path = sandbox.file("policy.toml", policy);
    let arguments = format!("run --iface left --json --workers 2 --policy {}", path.display());
    (sandbox.start(&arguments), path)
}

fn reloaded(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"))
}

/// A flow of datagrams that has a verdict.
fn decided(pair: &Pair, instance: &Instance) -> Datagrams {
    let flow = Datagrams::new(pair, 4000, 5000);
    flow.arriving(40);
    instance.wait_for(|record| record["type"] == "verdict" && record["dport"] == 5000);
    flow
}

#[test]
fn the_answer_comes_when_every_verdict_is_of_the_new_policy() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let (mut instance, path) = start(&pair.sandbox, &rule("free", "action = \"count\""));
    let flow = decided(&pair, &instance);
    for (name, what, rules, arriving) in [
        ("blocked", "action = \"drop\"", 1, 0),
        ("blocked again", "action = \"drop\"", 1, 0),
        ("free", "action = \"bypass\"", 1, 10),
        ("slow", "limit = \"1 kbit/s\"\nburst = \"1514 B\"\nper = \"flow\"", 1, 10),
        ("refused", "action = \"reject\"", 1, 0),
    ] {
        fs::write(&path, rule(name, what)).unwrap();
        let run = pair.sandbox.run("policy reload --json");
        assert_eq!(run.code, Some(0), "{run:#?}");
        let answer = reloaded(&run);
        assert_eq!((&answer["taken"], &answer["rules"]), (&true.into(), &rules.into()), "{answer}");
        assert_eq!(answer["flows"], 1, "{answer}");
        assert_eq!(flow.arriving(10), arriving, "{name}");
    }
    // More than its burst, which has not come back since.
    fs::write(&path, rule("slow", "limit = \"1 kbit/s\"\nburst = \"1514 B\"")).unwrap();
    let run = pair.sandbox.run("policy reload");
    assert!(run.stdout.contains("1 rules in force; "), "{run:#?}");
    let arrived = flow.arriving(200);
    assert!((22..60).contains(&arrived), "{arrived} of 68 bytes each");

    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let record = instance.wait_for(|it| it["type"] == "flow" && it["dport"] == 5000);
    assert_eq!((&record["rule"], &record["action"]), (&"slow".into(), &"limit".into()));
    assert_eq!(record["packets"], 40 + 4 * 10 + 200, "all but what the bypass let through");
    assert_eq!(record["dropped"], 3 * 10 + 200 - arrived, "{record}");
    assert!(instance.stderr().contains("policy reloads: "), "{}", instance.stderr());
}

#[test]
fn a_mistake_is_told_and_changes_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let (mut instance, path) = start(&pair.sandbox, &rule("blocked", "action = \"drop\""));
    let flow = decided(&pair, &instance);
    fs::write(&path, rule("free", "action = \"cuont\"")).unwrap();
    let run = pair.sandbox.run("policy reload --json");
    assert_eq!(run.code, Some(1), "{run:#?}");
    let answer = reloaded(&run);
    assert_eq!(answer["taken"], false);
    assert_eq!(answer["problems"][0]["place"]["line"], 4, "{answer}");
    let told = pair.sandbox.run("policy reload");
    assert_eq!(told.code, Some(1), "{told:#?}");
    assert!(told.stdout.contains("cuont") && told.stdout.contains("not taken"), "{told:#?}");
    assert_eq!(flow.arriving(10), 0, "the policy before stays in force");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert!(instance.stderr().contains("policy reloads: 0 taken"), "{}", instance.stderr());
}

#[test]
fn a_verdict_names_its_rule_after_the_policy_was_replaced() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let (mut instance, path) =
        start(&pair.sandbox, &rule("the kids' old name", "action = \"drop\""));
    let _flow = decided(&pair, &instance);
    // Decides the same, so the verdict stays as the policy before made it.
    for name in ["new name", "newer name"] {
        fs::write(&path, rule(name, "action = \"drop\"")).unwrap();
        assert_eq!(pair.sandbox.run("policy reload").code, Some(0));
    }
    let listed = pair.sandbox.run("verdicts --json");
    let entry: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(
        (&entry["rule_name"], &entry["revision"]),
        (&"the kids' old name".into(), &1.into())
    );
    assert!(pair.sandbox.run("verdicts").stdout.contains(" old name "));
    let dump = |map: &str| {
        let mut bpftool = pair.sandbox.command("bpftool");
        let path = format!("/sys/fs/bpf/ndpi-xdp/{map}");
        testkit::program::run(bpftool.args(["map", "dump", "pinned", &path])).stdout
    };
    let (names, verdicts) = (dump("RULES"), dump("VERDICTS_V4"));
    assert_eq!(names.matches("\"bytes\"").count(), 2, "the rule between has no verdict: {names}");
    assert!(verdicts.contains("\"revision\": 1"), "{verdicts}");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn settings_for_the_rest_change_too() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (mut instance, path) = start(&sandbox, "fragments = \"drop\"\nunparsable = \"drop\"\n");
    let switches = || {
        let map = "map dump pinned /sys/fs/bpf/ndpi-xdp/LIVE";
        let mut bpftool = sandbox.command("bpftool");
        let dump = testkit::program::run(bpftool.arg("-j").args(map.split_whitespace()));
        let dump: Value = serde_json::from_str(&dump.stdout).unwrap();
        let bytes = &dump[0]["value"];
        let at = std::mem::offset_of!(ndpi_common::Live, switches);
        u8::from_str_radix(bytes[at].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    assert_eq!(switches(), 4 | 16);
    fs::write(&path, "undecided = \"drop\"\n").unwrap();
    assert_eq!(sandbox.run("policy reload").code, Some(0));
    assert_eq!(switches(), 32);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn without_an_instance_there_is_nobody_to_tell() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let words = ["is running: start one with: ndpi-xdp run", "--pin-dir"];
    sandbox.run("policy reload").assert_failed(1, &words);
    // What a killed instance leaves is nobody either.
    let (mut instance, _) = start(&sandbox, "");
    instance.end(Signal::KILL);
    sandbox.run("policy reload").assert_failed(1, &words);
    let mut next = sandbox.start("run --iface left --json");
    let run = sandbox.run("policy reload");
    run.assert_failed(1, &["was started without --policy"]);
    assert!(next.end(Signal::INT).success(), "{}", next.stderr());
    let listed = testkit::program::run(sandbox.command("ls").arg(SOCKET));
    assert_eq!(listed.code, Some(2), "the socket goes with the instance: {listed:#?}");
}

#[test]
fn a_policy_that_somebody_is_writing_is_taken_when_it_is_whole() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let blocked = rule("blocked", "action = \"drop\"");
    let (mut instance, path) = start(&pair.sandbox, &blocked);
    let flow = decided(&pair, &instance);
    // Cut, and not written yet; asked for it is not taken either.
    let mut file = fs::File::create(&path).unwrap();
    let run = pair.sandbox.run("policy reload");
    assert_eq!(run.code, Some(1), "{run:#?}");
    assert!(
        run.stdout.contains("nothing is in it") && run.stdout.contains("rule = []"),
        "{run:#?}"
    );
    // Half of it is a policy too, and lets everything through.
    file.write_all(b"default = \"count\"\n").unwrap();
    file.sync_all().unwrap();
    let half_a_second = Duration::from_millis(500);
    thread::sleep(half_a_second);
    assert_eq!(flow.arriving(10), 0, "the policy before stays in force");
    file.write_all((blocked + &rule("more", "action = \"drop\"")).as_bytes()).unwrap();
    drop(file);
    instance.wait_to_say("reloaded: 2 rules");
    assert!(!instance.stderr().contains("reloaded: 0 rules"), "{}", instance.stderr());
    assert_eq!(flow.arriving(10), 0);
    // No rules at all are taken where they are meant.
    fs::write(&path, "rule = []\n").unwrap();
    assert_eq!(pair.sandbox.run("policy reload").code, Some(0));
    assert_eq!(flow.arriving(10), 10);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn an_empty_list_is_not_taken_and_a_fixed_one_is_noticed() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let list = sandbox.file("hosts", "a.example\n");
    let policy = "[[rule]]\nname = \"hosts\"\nhost = { file = \"hosts\" }\naction = \"drop\"\n";
    let (mut instance, _) = start(&sandbox, policy);
    for nothing in ["", "# the list of the day\n"] {
        fs::write(&list, nothing).unwrap();
        instance.wait_to_say("hosts: no entry is in it");
        assert_eq!(sandbox.run("policy reload").code, Some(1), "{nothing:?}");
    }
    fs::write(&list, "a.example\nb.example\n").unwrap();
    instance.wait_to_say("reloaded: 1 rules");
    fs::write(&list, "# none\n").unwrap();
    assert_eq!(sandbox.run("policy reload").code, Some(0));
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn paths_that_nobody_answers_stop_neither_reloading_nor_the_end() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let list = sandbox.file("hosts", "a.example\n");
    let blocked = rule("blocked", "action = \"drop\"");
    let (mut instance, path) = start(&sandbox, &blocked);
    fs::remove_file(&path).unwrap();
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let run = sandbox.run("policy reload");
    assert_eq!(run.code, Some(1), "{run:#?}");
    assert!(run.stdout.contains("a named pipe"), "{run:#?}");
    fs::remove_file(&path).unwrap();
    fs::write(&path, &blocked).unwrap();
    assert_eq!(sandbox.run("policy reload").code, Some(0));
    // As on a mount whose server is gone.
    let unanswered = Unanswered::new(&list);
    fs::write(&path, blocked + &rule("hosts", "host = { file = \"hosts\" }\naction = \"drop\""))
        .unwrap();
    let mut reload = sandbox.command(&binary().display().to_string());
    let mut reload = reload.args(["policy", "reload"]).stdout(Stdio::null()).spawn().unwrap();
    wait_until(|| unanswered.is_asked());
    let start = Instant::now();
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(!reload.wait().unwrap().success());
    sandbox.assert_clean();
}

#[test]
fn an_instance_that_is_stopped_is_not_waited_for() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (mut instance, _) = start(&sandbox, &rule("blocked", "action = \"drop\""));
    instance.signal(Signal::STOP);
    let start = Instant::now();
    let words = ["is stopped", "kill -CONT"];
    sandbox.run("policy reload").assert_failed(1, &words);
    assert!(start.elapsed() < Duration::from_secs(10));
    instance.signal(Signal::CONT);
    instance.wait_to_say("reloaded: 1 rules");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

/// A file whose opening waits for an answer that nobody gives, until this is dropped.
struct Unanswered(OwnedFd);

impl Unanswered {
    fn new(path: &Path) -> Self {
        let flags = libc::FAN_CLASS_CONTENT | libc::FAN_CLOEXEC | libc::FAN_NONBLOCK;
        // SAFETY: it takes two integers, and returns a descriptor that nobody else knows, or -1.
        let fd = unsafe { libc::fanotify_init(flags, libc::O_RDONLY.cast_unsigned()) };
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: it was made above and is owned by nobody.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        let (what, at) = (libc::FAN_OPEN_PERM, libc::AT_FDCWD);
        // SAFETY: the descriptor is open and the path a C string, both for as long as the call takes.
        let marked = unsafe {
            libc::fanotify_mark(fd.as_raw_fd(), libc::FAN_MARK_ADD, what, at, path.as_ptr())
        };
        assert_eq!(marked, 0, "{}", std::io::Error::last_os_error());
        Self(fd)
    }

    /// Whether somebody waits for an answer.
    fn is_asked(&self) -> bool {
        let mut polled = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut polled, Some(&Timespec::default())).unwrap() > 0
    }
}
