//! The process that reads policies in the session's place.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use testkit::instance::Instance;
use testkit::program::PROGRAMS;
use testkit::sandbox::Sandbox;
use testkit::{memory, wait_until};

use crate::family::{Family, children, is_there};
use crate::ready;

/// The process that forks those which read.
fn forker(instance: &Instance) -> Pid {
    let session = Pid::from_raw(instance.pid().cast_signed()).unwrap();
    *children(session).get("ndpi-policies").expect("it is there")
}

fn policy(name: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nport = 5000\naction = \"drop\"\n")
}

/// An instance with a policy of one rule, and that policy's file.
fn started(sandbox: &Sandbox, options: &str) -> (PathBuf, Instance) {
    let file = sandbox.file("policy.toml", &policy("first"));
    let run = format!("run --iface left --json {options} --policy {}", file.display());
    (file, sandbox.start(&run))
}

#[test]
fn policies_are_read_by_a_process_without_rights() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (_, mut instance) = started(&sandbox, "");
    let forker = forker(&instance);
    let of_it = |what: &str| format!("/proc/{}/{what}", forker.as_raw_nonzero());

    let status = fs::read_to_string(of_it("status")).unwrap();
    let of = |what: &str| status.lines().find_map(|it| it.strip_prefix(what)).unwrap().trim();
    let rights = (of("CapEff:"), of("NoNewPrivs:"), of("Seccomp:"));
    assert_eq!(rights, ("0000000000000000", "1", "2"));
    assert_eq!(of("Uid:"), "65534\t65534\t65534\t65534");
    let open = fs::read_dir(of_it("fd")).unwrap();
    let open: Vec<_> = open.map(|it| fs::read_link(it.unwrap().path()).unwrap()).collect();
    let sockets = open.iter().filter(|it| it.to_string_lossy().starts_with("socket:")).count();
    // Pipes tell of its spare, and that of it.
    assert_eq!((open.len(), sockets), (6, 1), "{open:?}");

    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn a_policy_is_reloaded_though_who_reads_policies_is_killed_each_time() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (file, mut instance) = started(&sandbox, "");
    let mut killed = Vec::new();
    for round in 0..3 {
        let Family { policies, policies_spare, .. } = Family::of(&sandbox);
        kill_process(policies, Signal::KILL).unwrap();
        fs::write(&file, policy(&format!("after-{round}"))).unwrap();
        let reloaded = sandbox.run("policy reload");
        assert!(reloaded.stdout.contains("1 rules in force"), "{reloaded:?}");
        assert_eq!(Family::of(&sandbox).policies, policies_spare, "it has waited for that");
        killed.push(policies);
    }
    wait_until(|| !killed.iter().copied().any(is_there));
    instance.wait_to_say(
        "a process that has policies read was ended by SIGKILL, and another takes its place",
    );
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn where_nobody_is_left_who_reads_policies_the_one_in_force_stays() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (file, mut instance) = started(&sandbox, "");
    let Family { policies, policies_spare, .. } = Family::of(&sandbox);
    // Neither sees that the other is gone.
    for signal in [Signal::STOP, Signal::KILL] {
        for process in [policies, policies_spare] {
            kill_process(process, signal).unwrap();
        }
    }
    instance.wait_to_say("nobody is left who reads policies: the one in force stays");
    fs::write(&file, policy("second")).unwrap();
    let refused = sandbox.run("policy reload");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("the process that reads policies is gone"), "{refused:?}");
    let status = sandbox.run("status").stdout;
    assert!(status.contains("policy-refused") && status.contains("1 rules"), "{status}");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn what_is_too_much_for_whoever_reads_it_is_refused_and_the_policy_in_force_stays() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (file, mut instance) = started(&sandbox, "--memory-max 256MiB");
    let forker = forker(&instance);
    // Two bytes of text are a hundred as TOML is read.
    let ports = "1,".repeat(2 << 20);
    fs::write(&file, policy("huge").replace("5000", &format!("[{ports}]"))).unwrap();
    let refused = sandbox.run("policy reload");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("takes more memory than any policy may"), "{refused:?}");
    assert!(sandbox.run("status").stdout.contains("policy-refused"));
    fs::write(&file, policy("second")).unwrap();
    let reloaded = sandbox.run("policy reload");
    assert!(reloaded.stdout.contains("1 rules in force"), "{reloaded:?}");
    instance.end(Signal::KILL);
    wait_until(|| !is_there(forker));
}

#[test]
fn a_policy_that_was_replaced_takes_no_memory() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let rule = "[[rule]]\nhost = { file = \"list\" }\naction = \"count\"\n";
    let file = sandbox.file("policy.toml", rule);
    let names: Vec<_> = (0..60_000).map(|it| format!("host-{it}.example.org\n")).collect();
    sandbox.file("list", &names.concat());
    let run = format!("run --iface left --json --policy {}", file.display());
    let mut instance = sandbox.start(&run);
    let pid = instance.pid();
    let taken = || memory::resident_kib(pid).unwrap();
    let before = taken();
    for _ in 0..3 {
        assert_eq!(sandbox.run("policy reload").code, Some(0));
    }
    // A name takes some 250 bytes.
    let half = names.len() as u64 * 125 / 1024;
    wait_until(|| taken() < before + half);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}
