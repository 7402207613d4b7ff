//! Going on from what an instance that is gone has left.

use ndpi_common::{Action, Hook, VerdictEntry};
use ndpi_kernel::{Egress, Hooks, Kernel, LoadOptions, Mode, detach};
use testkit::frame::{key4, udp4};
use testkit::thread_namespace::{ThreadNamespace, ip, run};

use crate::loader::setup::{can_load, options};

const CLSACT: Hooks = Hooks { ingress: true, egress: Some(Egress::Clsact) };

/// An instance on `left` that has dropped three packets of a flow, and left.
fn leave_one(options: &LoadOptions, mode: Mode, hooks: Hooks) {
    let mut kernel = Kernel::load(options).unwrap();
    kernel.attach("left", mode, hooks).unwrap();
    let verdict = VerdictEntry { action: Action::Drop as u8, ..VerdictEntry::default() };
    kernel.verdicts().insert(&key4(4000, 53), &verdict).unwrap();
    kernel.test_run().xdp(&udp4(4000, 53, b"hello"), None, 3).unwrap();
    kernel.leave();
}

/// The XDP program on an interface.
fn xdp(interface: &str) -> String {
    let link = run("ip", &format!("-details link show {interface}"));
    let id = link.split("prog/xdp id ").nth(1).and_then(|rest| rest.split_whitespace().next());
    id.unwrap_or_default().to_owned()
}

#[test]
fn counts_and_verdicts_go_on_under_new_programs() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let options = options();
    leave_one(&options, Mode::Generic, Hooks::default());
    let left = xdp("left");
    let mut kernel = Kernel::load(&options).unwrap();
    assert_eq!(xdp("left"), left, "it stays until it is replaced");
    let attachment = kernel.attach("left", Mode::Auto, Hooks::default()).unwrap();
    assert_eq!(attachment.ingress, Some(Mode::Generic), "in the mode that it was in");
    kernel.release_earlier().unwrap();
    assert!(![String::new(), left].contains(&xdp("left")));
    kernel.test_run().xdp(&udp4(4000, 53, b"hello"), None, 2).unwrap();
    let entry = kernel.verdicts().get(&key4(4000, 53)).unwrap().unwrap();
    assert_eq!(entry.dropped().packets, 5);
    let statistics = kernel.stats().read().unwrap();
    assert!(statistics.seen(Hook::Xdp).packets >= 5, "{statistics:?}");
    drop(kernel);
    assert_eq!(xdp("left"), "");
    assert!(!options.pin_directory.unwrap().exists());
}

#[test]
fn another_mode_than_before_is_attached_again() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let options = options();
    leave_one(&options, Mode::Generic, Hooks::default());
    let mut kernel = Kernel::load(&options).unwrap();
    let attachment = kernel.attach("left", Mode::Native, Hooks::default()).unwrap();
    kernel.release_earlier().unwrap();
    assert_eq!(attachment.ingress, Some(Mode::Native));
    assert!(!run("ip", "link show left").contains("xdpgeneric"));
}

#[test]
fn a_filter_at_clsact_is_replaced_in_its_place() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let options = options();
    leave_one(&options, Mode::Generic, CLSACT);
    let filters = || {
        let shown = run("tc", "filter show dev left egress");
        shown.lines().filter(|line| line.contains("ndpi_tc")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = filters();
    assert_eq!(before.len(), 1, "{before:?}");
    let mut kernel = Kernel::load(&options).unwrap();
    assert_eq!(filters(), before);
    kernel.attach("left", Mode::Auto, CLSACT).unwrap();
    kernel.release_earlier().unwrap();
    let after = filters();
    assert_eq!(after.len(), 1, "{after:?}");
    assert_ne!(after, before, "another program");
    let place = |line: &str| line.split(" ndpi_tc").next().unwrap().to_owned();
    assert_eq!(place(&after[0]), place(&before[0]));
    drop(kernel);
    assert!(!run("tc", "qdisc show dev left").contains("clsact"));
}

#[test]
fn filters_where_nothing_is_wanted_any_more_go_and_those_of_others_stay() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let (options, others) = (options(), options());
    leave_one(&options, Mode::Generic, CLSACT);
    let mut other = Kernel::load(&others).unwrap();
    other.attach("right", Mode::Generic, CLSACT).unwrap();
    other.leave();
    let mut kernel = Kernel::load(&options).unwrap();
    ip("link add other type bridge");
    kernel.attach("other", Mode::Auto, CLSACT).unwrap();
    kernel.release_earlier().unwrap();
    assert!(!run("tc", "filter show dev left egress").contains("ndpi_tc"));
    assert_eq!(xdp("left"), "");
    let stays = || run("tc", "filter show dev right egress").contains("ndpi_tc");
    assert!(stays() && !xdp("right").is_empty());
    drop(kernel);
    detach(options.pin_directory.as_deref().unwrap()).unwrap();
    assert!(stays(), "another one's that is gone too");
    let detached = detach(others.pin_directory.as_deref().unwrap()).unwrap();
    assert_eq!(
        (detached.xdp, detached.filters),
        (vec!["right".to_owned()], vec!["right".to_owned()])
    );
    assert!(!stays() && xdp("right").is_empty());
}

#[test]
fn what_blocks_comes_first_where_there_is_less_room() {
    if !can_load() {
        return;
    }
    let options = options();
    let mut kernel = Kernel::load(&options).unwrap();
    for port in 1..=40 {
        let action = if port <= 10 { Action::Drop } else { Action::Count };
        let verdict = VerdictEntry { action: action as u8, ..VerdictEntry::default() };
        kernel.verdicts().insert(&key4(port, 53), &verdict).unwrap();
    }
    kernel.leave();
    drop(kernel);
    let mut kernel = Kernel::load(&LoadOptions { verdicts: 20, ..options }).unwrap();
    kernel.release_earlier().unwrap();
    let entries: Vec<_> = kernel.verdicts().entries().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries.len(), 20);
    let drops = entries.iter().filter(|(_, entry)| entry.action == Action::Drop as u8).count();
    assert_eq!(drops, 10);
}

#[test]
fn half_of_the_pins_are_enough_to_go_on() {
    if !can_load() {
        return;
    }
    let options = options();
    let directory = options.pin_directory.clone().unwrap();
    for missing in ["RINGS", "LIVE", "STATS", "VERDICTS_V6"] {
        let mut kernel = Kernel::load(&options).unwrap();
        let verdict = VerdictEntry { action: Action::Drop as u8, ..VerdictEntry::default() };
        kernel.verdicts().insert(&key4(4000, 53), &verdict).unwrap();
        kernel.leave();
        drop(kernel);
        std::fs::remove_file(directory.join(missing)).unwrap();
        let mut kernel = Kernel::load(&options).unwrap();
        assert!(kernel.verdicts().get(&key4(4000, 53)).unwrap().is_some(), "{missing}");
        assert!(directory.join(missing).exists(), "{missing}");
        kernel.release_earlier().unwrap();
    }
    assert!(!directory.exists());
}
