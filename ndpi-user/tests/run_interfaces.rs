//! What `ndpi-xdp run` does about interfaces that are not as it needs them.

mod support;

use std::fs::{self, File};
use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use support::foreign::ForeignProgram;
use support::pair::{FAR, NEAR, Pair};
use support::sandbox::{Sandbox, run};
use support::{ready, wait_until};

const PROGRAMS: [&str; 4] = ["bpftool", "ip", "tc", "nsenter"];

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
    let said = instance.stderr();
    assert!(said.contains("left is down: attached"), "{said}");
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
    let said = instance.stderr();
    assert!(said.contains("warning: ") && said.contains("generic"), "{said}");
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
    assert!(instance.stderr().contains("count twice"), "{}", instance.stderr());
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
    let mut command = sandbox.command(&support::binary().display().to_string());
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
