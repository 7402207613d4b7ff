//! What `ndpi-xdp run` does about interfaces that are not as it needs them.

mod support;

use rustix::process::Signal;
use support::foreign::ForeignProgram;
use support::ready;
use support::sandbox::Sandbox;

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
    sandbox
        .run("run --iface left")
        .assert_failed(1, &["left already has an XDP program", "xdpdrv off"]);
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
