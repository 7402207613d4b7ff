//! Instances of `ndpi-xdp run` that meet, and one that was killed.

use rustix::process::Signal;
use testkit::program::PROGRAMS;
use testkit::sandbox::Sandbox;

use crate::ready;

#[test]
fn a_second_instance_is_refused_and_the_first_runs_on() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut first = sandbox.start("run --iface left --json");
    let (attached, pinned) = (sandbox.attached("left"), sandbox.pinned());
    sandbox
        .run("run --iface right")
        .assert_failed(1, &["/sys/fs/bpf/ndpi-xdp is in use by a running ndpi-xdp"]);
    assert!(first.is_running(), "{}", first.stderr());
    assert_eq!(sandbox.attached("left"), attached);
    assert_eq!(sandbox.attached("right"), [""; 0]);
    assert_eq!(sandbox.pinned(), pinned);
    assert!(first.end(Signal::INT).success(), "{}", first.stderr());
    sandbox.assert_clean();
}

#[test]
fn instances_with_names_run_beside_each_other_and_are_asked_by_them() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut lan = sandbox.start("run --iface left --name lan --json");
    let mut wan = sandbox.start("run --iface right --name wan --json");
    for (name, interface) in [("lan", "left"), ("wan", "right")] {
        let status = sandbox.run(&format!("status --name {name}"));
        assert!(status.stdout.contains(&format!("attached  {interface}: ")), "{status:#?}");
        for command in ["verdicts", "flows", "reset-counters"] {
            let asked = sandbox.run(&format!("{command} --name {name}"));
            assert_eq!(asked.code, Some(0), "{asked:#?}");
        }
    }
    let nobody = sandbox.run("status").stdout;
    assert!(nobody.contains("no ndpi-xdp") && nobody.contains("--name"), "{nobody}");
    wan.end(Signal::KILL);
    sandbox.run("detach --name lan").assert_failed(1, &["in use by a running ndpi-xdp"]);
    let detached = sandbox.run("detach --name wan");
    assert_eq!(detached.code, Some(0), "{detached:#?}");
    assert_eq!(sandbox.attached("right"), [""; 0]);
    assert!(!sandbox.attached("left").is_empty(), "the other one's stay");
    assert!(lan.end(Signal::TERM).success(), "{}", lan.stderr());
    sandbox.assert_clean();
}

#[test]
fn an_interface_is_watched_by_one_instance() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    // The loopback has a program at egress alone, of which an interface could run several.
    for interface in ["left", "lo"] {
        let run = format!("run --iface {interface} --json");
        let mut first = sandbox.start(&format!("{run} --name one"));
        let before = sandbox.attached(interface);
        let running = "of the running ndpi-xdp --name one (pid ";
        sandbox.run(&format!("{run} --name two")).assert_failed(1, &[interface, running]);
        assert_eq!(sandbox.attached(interface), before);
        first.end(Signal::KILL);
        let left = ["left by an ndpi-xdp that is gone", "ndpi-xdp detach --name one"];
        sandbox.run(&format!("{run} --name two")).assert_failed(1, &left);
        assert_eq!(sandbox.attached(interface), before);
        assert_eq!(sandbox.run("detach --name one").code, Some(0));
    }
    sandbox.assert_clean();
}

#[test]
fn both_signals_end_it_and_leave_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    for signal in [Signal::INT, Signal::TERM] {
        let mut instance = sandbox.start("run --iface left --iface right --json");
        for interface in ["left", "right"] {
            let attached = sandbox.attached(interface);
            let has = |program: &str| attached.iter().any(|what| what.contains(program));
            assert!(has("\"ndpi_xdp\"") && has("\"ndpi_tc\""), "ingress and egress: {attached:?}");
        }
        assert!(instance.end(signal).success(), "{}", instance.stderr());
        sandbox.assert_clean();
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_leaves_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --iface right --json");
    instance.signal(Signal::INT);
    instance.end(Signal::TERM);
    sandbox.assert_clean();
    assert_eq!(sandbox.locks(), [""; 0], "lock and socket");
}

#[test]
fn detach_removes_what_a_killed_instance_left() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json");
    assert!(!sandbox.pinned().is_empty());
    instance.end(Signal::KILL);
    assert!(!sandbox.pinned().is_empty(), "there is nothing that detach could remove");
    let detach = sandbox.run("detach");
    assert_eq!(detach.code, Some(0), "{detach:#?}");
    sandbox.assert_clean();
    let again = sandbox.run("detach");
    assert_eq!(again.code, Some(0), "nothing to do is no failure: {again:#?}");
}

#[test]
fn an_instance_starts_over_what_a_killed_one_left() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.start("run --iface left --json").end(Signal::KILL);
    let mut next = sandbox.start("run --iface left --json");
    assert!(next.end(Signal::TERM).success(), "{}", next.stderr());
    sandbox.assert_clean();
}

#[test]
fn detach_leaves_a_running_instance_alone() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json");
    sandbox.run("detach").assert_failed(1, &["is in use by a running ndpi-xdp"]);
    assert!(instance.is_running());
    assert!(!sandbox.attached("left").is_empty());
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn signals_that_mean_nothing_end_nothing_and_leave_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json");
    for (signal, name) in [
        (Signal::USR1, "SIGUSR1"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::VTALARM, "SIGVTALRM"),
        (Signal::PROF, "SIGPROF"),
        (Signal::IO, "SIGIO"),
        (Signal::POWER, "signal 30"),
        (Signal::HUP, "SIGHUP: there is no policy"),
    ] {
        instance.signal(signal);
        instance.wait_to_say(name);
        assert!(instance.is_running(), "{name}: {}", instance.stderr());
    }
    instance.signal(Signal::XFSZ);
    instance.signal(Signal::PIPE);
    assert!(instance.end(Signal::QUIT).success(), "{}", instance.stderr());
    sandbox.assert_clean();
}

#[test]
fn a_signal_while_the_policy_is_reloaded_leaves_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let policy = sandbox.file("policy.toml", "default = \"count\"\n");
    let command = format!("run --iface left --iface right --json --policy {}", policy.display());
    let (again, int, term) = (Signal::HUP, Signal::INT, Signal::TERM);
    for signals in [&[again, int][..], &[again, int, term], &[int, again, term]] {
        let mut instance = sandbox.start(&command);
        for &signal in signals {
            instance.signal(signal);
        }
        instance.ended();
        sandbox.assert_clean();
        assert_eq!(sandbox.locks(), [""; 0], "{signals:?}");
    }
}
