//! Attaching to interfaces and coming off again.

use std::thread;
use std::time::{Duration, Instant};

use aya::programs::{ProgramInfo, SchedClassifier, TcAttachType, loaded_programs};
use ndpi_common::Hook;
use ndpi_kernel::{AttachError, Egress, Health, Hooks, Kernel, Links, Mode, detach};
use testkit::foreign::stranger;
use testkit::thread_namespace::{ThreadNamespace, ip, run};

use crate::loader::setup::{can_load, load, pin_directory};

const CLSACT: Hooks = Hooks { ingress: true, egress: Some(Egress::Clsact) };

/// Whether an XDP program, and our TC program, is on the interface, as ip(8), tc(8) and the kernel
/// say. (A bpftool of before 6.6 does not list tcx.)
fn on(interface: &str) -> (bool, bool) {
    let xdp = run("ip", &format!("link show {interface}")).contains("xdp");
    let filters = run("tc", &format!("filter show dev {interface} egress"));
    let (_, tcx) = SchedClassifier::query_tcx(interface, TcAttachType::Egress).unwrap();
    let tcx = tcx.iter().any(|program| program.name_as_str() == Some("ndpi_tc"));
    (xdp, tcx || filters.contains("ndpi_tc"))
}

/// Waits until only these programs are on the interface, see [`on`]. A link goes with the last copy of its descriptor, and a
/// process that another test is just starting has copies of all until it executes its program.
#[track_caller]
fn wait_for(interface: &str, programs: (bool, bool)) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while on(interface) != programs {
        assert!(Instant::now() < deadline, "{:?} still on {interface}", on(interface));
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn both_hooks_go_on_and_come_off() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    for (mode, hooks) in [(Mode::Auto, Hooks::default()), (Mode::Generic, CLSACT)] {
        let mut kernel = load();
        let attachment = kernel.attach("left", mode, hooks).unwrap();
        assert!(attachment.up);
        assert_ne!(attachment.ingress, Some(Mode::Auto), "it says which mode it is");
        assert_eq!(on("left"), (true, true), "{attachment}");
        drop(kernel);
        wait_for("left", (false, false));
        assert!(!run("tc", "qdisc show dev left").contains("clsact"), "clsact goes with it");
    }
}

#[test]
fn packets_of_both_directions_are_seen() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let mut kernel = load();
    kernel.attach("left", Mode::Native, Hooks::default()).unwrap();
    // Neighbour discovery and duplicate address detection make packets of their own on both ends.
    ip("addr add 2001:db8::1/64 dev left");
    ip("addr add 2001:db8::2/64 dev right");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let statistics = kernel.stats().read().unwrap();
        if statistics.seen(Hook::Xdp).packets > 0 && statistics.seen(Hook::Tc).packets > 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{statistics:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interface_that_is_not_there_is_named_with_its_neighbours() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let error = load().attach("lefft", Mode::Auto, Hooks::default()).unwrap_err();
    assert_eq!(error.to_string(), "no interface lefft; did you mean left?");
}

#[test]
fn an_interface_that_is_down_is_attached_to() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    ip("link set left down");
    let mut kernel = load();
    assert!(!kernel.attach("left", Mode::Auto, Hooks::default()).unwrap().up);
    assert_eq!(on("left"), (true, true));
}

#[test]
fn another_program_is_left_alone_and_named() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let mut first = load();
    first.attach("left", Mode::Native, Hooks::default()).unwrap();
    let mut second = load();
    match second.attach("left", Mode::Native, Hooks::default()).unwrap_err() {
        AttachError::Occupied { interface, name, ours, id, place, user } => {
            assert_eq!(
                (interface.as_str(), name.as_deref(), ours),
                ("left", Some("ndpi_xdp"), true)
            );
            assert!(id > 0);
            assert_eq!(place, "native");
            assert_eq!(user.and_then(|user| user.pid), Some(std::process::id()));
        }
        other => panic!("{other}"),
    }
    drop(first);
    wait_for("left", (false, false));
    second.attach("left", Mode::Native, Hooks::default()).unwrap();
    let twice = second.attach("left", Mode::Native, Hooks::default()).unwrap_err();
    assert_eq!(twice.to_string(), "left is given twice");
}

#[test]
fn a_program_of_others_is_left_alone_and_named() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let _program = stranger();
    let is_it = |info: &ProgramInfo| info.name_as_str() == Some("stranger");
    let id = loaded_programs().flatten().find(is_it).unwrap().id();
    run("bpftool", &format!("net attach xdpgeneric id {id} dev left"));
    let mut kernel = load();
    let error = kernel.attach("left", Mode::Auto, Hooks::default()).unwrap_err().to_string();
    let expected = format!("left already has an XDP program: stranger (id {id}, generic)");
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.contains(&format!("bpftool prog show id {id}")), "{error}");
    // The stranger stays, nothing of ours is there.
    wait_for("left", (true, false));
    assert!(detach(&pin_directory()).unwrap().xdp.is_empty(), "nor does detach touch it");
    assert_eq!(on("left"), (true, false));
}

#[test]
fn a_driver_without_native_mode_gets_generic_under_auto_only() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    // Bridges have no native mode.
    ip("link add bridge type bridge");
    let mut kernel = load();
    let error = kernel.attach("bridge", Mode::Native, Hooks::default()).unwrap_err();
    assert!(matches!(error, AttachError::NativeRefused { .. }), "{error:?}");
    wait_for("bridge", (false, false));
    let attachment = kernel.attach("bridge", Mode::Auto, Hooks::default()).unwrap();
    assert_eq!(attachment.ingress, Some(Mode::Generic));
    assert!(kernel.detach(attachment.index));
    wait_for("bridge", (false, false));
    assert!(!kernel.detach(attachment.index), "it is off already");
}

#[test]
fn one_hook_alone_is_possible() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let mut kernel = load();
    let hooks = Hooks { ingress: false, egress: Some(Egress::Tcx) };
    kernel.attach("left", Mode::Auto, hooks).unwrap();
    assert_eq!(on("left"), (false, true));
    kernel.attach("right", Mode::Auto, Hooks { ingress: true, egress: None }).unwrap();
    assert_eq!(on("right"), (true, false));
}

#[test]
fn what_somebody_takes_off_is_missed_and_put_back() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let mut kernel = load();
    let index = kernel.attach("left", Mode::Generic, CLSACT).unwrap().index;
    let health = |kernel: &Kernel| kernel.health(index).unwrap().unwrap();
    let all = Health { ingress: true, egress: true, links: Links::There };
    assert_eq!(health(&kernel), all);
    run("tc", "qdisc del dev left clsact");
    assert_eq!(health(&kernel), Health { egress: false, ..all });
    let mended = kernel.mend(index).unwrap();
    assert_eq!((mended.ingress, mended.egress), (Some(Mode::Generic), Some(Egress::Clsact)));
    assert_eq!((on("left"), health(&kernel).egress), ((true, true), true));
    // Somebody else's filter in the place of ours stays there.
    run("tc", "filter del dev left egress");
    let filter = ["filter", "add", "dev", "left", "egress", "pref", "1", "handle", "1", "bpf"];
    let mut tc = std::process::Command::new("tc");
    let added = tc.args(filter).args(["da", "bytecode", "1,6 0 0 4294967295"]).status().unwrap();
    assert!(added.success() && !health(&kernel).egress);
    kernel.mend(index).unwrap();
    let filters = run("tc", "filter show dev left egress");
    assert!(filters.contains("ndpi_tc") && filters.contains("bytecode"), "{filters}");
    ip("link del left");
    assert_eq!(health(&kernel), Health::default());
    assert!(matches!(kernel.mend(index), Err(AttachError::Gone(_))));
    ip(&format!("link add other index {index} type veth peer name right"));
    run("tc", "qdisc add dev other clsact");
    let mut tc = std::process::Command::new("tc");
    let filter = filter.map(|word| if word == "left" { "other" } else { word });
    let added = tc.args(filter).args(["da", "bytecode", "1,6 0 0 4294967295"]).status().unwrap();
    assert!(added.success() && kernel.detach(index) && kernel.health(index).unwrap().is_none());
    let filters = run("tc", "filter show dev other egress");
    assert!(filters.contains("bytecode"), "what has the index now is another one's: {filters}");
}
