//! Going on from what an instance that is gone has left.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ndpi_common::{Action, Direction, Hook, Server, VerdictEntry};
use ndpi_kernel::{Egress, Hooks, Kernel, LoadOptions, Mode, detach, find_interface, pinned};
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
    assert_eq!(kernel.verdicts().entries().count(), 0, "what counts now counts there");
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
        kernel.release_earlier().unwrap();
        assert!(directory.join(missing).exists(), "{missing}");
    }
    assert!(!directory.exists());
}

/// All that an instance which is gone has left, as others see it.
#[derive(Debug, PartialEq)]
struct Left {
    pins: Vec<String>,
    links: Vec<String>,
    lock: String,
    pid: u32,
    started_ns: u64,
    xdp: [String; 2],
    filters: [String; 2],
    servers: String,
    interfaces: String,
}

impl Left {
    fn of(directory: &Path) -> Self {
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let dump =
            |map| run("bpftool", &format!("map dump pinned {}", directory.join(map).display()));
        let pinned = pinned::open(Some(directory)).unwrap();
        let found = std::fs::metadata(directory).unwrap();
        let device = found.dev();
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let lock = format!("/run/ndpi-xdp/{major}.{minor}-{}.lock", found.ino());
        Self {
            pins: names(directory),
            links: names(&directory.join("links"))
                .iter()
                .map(|name| without_number(name))
                .collect(),
            lock: std::fs::read_to_string(lock).unwrap(),
            pid: pinned.instance.pid,
            started_ns: pinned.instance.started_ns,
            xdp: ["left", "right"].map(xdp),
            filters: ["left", "right"].map(|it| run("tc", &format!("filter show dev {it} egress"))),
            servers: dump("SERVERS"),
            interfaces: dump("INTERFACES"),
        }
    }
}

/// The name of a pinned link without the kernel's number for it.
fn without_number(name: &str) -> String {
    name.rsplit_once('-').unwrap().0.to_owned()
}

/// Leaves an instance on `left` with a blocked flow and a blocked server.
fn leave_all(options: &LoadOptions, hooks: Hooks) -> Left {
    let mut kernel = Kernel::load(options).unwrap();
    kernel.attach("left", Mode::Generic, hooks).unwrap();
    let server = key4(4000, 53).server(Direction::FromLower).unwrap();
    kernel.servers().set(&server, &Server::default()).unwrap();
    kernel.test_run().xdp(&udp4(4000, 53, b"hello"), None, 3).unwrap();
    kernel.leave();
    drop(kernel);
    Left::of(options.pin_directory.as_deref().unwrap())
}

#[test]
fn a_start_that_comes_to_no_end_leaves_what_stood() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    // On the same maps, and on others.
    for (hooks, verdicts) in [(Hooks::default(), 64), (CLSACT, 128)] {
        let options = options();
        let directory = options.pin_directory.clone().unwrap();
        let left = leave_all(&options, hooks);
        let options = LoadOptions { verdicts, ..options };
        // As it is cut short at one step after another.
        drop(Kernel::load(&options).unwrap());
        assert_eq!(Left::of(&directory), left);
        let attached = |mode| {
            let mut kernel = Kernel::load(&options).unwrap();
            kernel.attach("right", Mode::Generic, hooks).unwrap();
            kernel.attach("left", mode, hooks).unwrap();
            kernel
        };
        drop(attached(Mode::Auto));
        assert_eq!(Left::of(&directory), left);
        // It was taken off to change its mode, and is held by another link.
        drop(attached(Mode::Native));
        assert_eq!(Left::of(&directory), left);
        detach(&directory).unwrap();
    }
}

#[test]
fn a_driver_without_xdp_refuses_native_mode_before_what_is_there_is_taken_off() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    ip("link del left");
    ip("link add left type bridge");
    ip("link add right type bridge");
    let options = options();
    let left = leave_all(&options, Hooks::default());
    let mut kernel = Kernel::load(&options).unwrap();
    let error = kernel.attach("left", Mode::Native, Hooks::default()).unwrap_err();
    assert!(error.to_string().contains("refuses XDP in native mode"), "{error}");
    assert_eq!(xdp("left"), left.xdp[0]);
    drop(kernel);
    assert_eq!(Left::of(options.pin_directory.as_deref().unwrap()), left);
    detach(options.pin_directory.as_deref().unwrap()).unwrap();
}

#[test]
fn an_interface_of_the_same_index_elsewhere_costs_no_pin() {
    if !can_load() {
        return;
    }
    let options = options();
    let directory = options.pin_directory.clone().unwrap();
    let links = || std::fs::read_dir(directory.join("links")).unwrap().count();
    let elsewhere = ThreadNamespace::enter();
    leave_one(&options, Mode::Generic, Hooks::default());
    let (before, index) = (links(), find_interface("left").unwrap().index);
    let there = xdp("left");
    let here = ThreadNamespace::enter();
    assert_eq!(find_interface("left").unwrap().index, index);
    assert_eq!(pinned::open(Some(&directory)).unwrap().links.len(), before);
    for link in pinned::open(Some(&directory)).unwrap().links {
        assert_eq!(link.interface, format!("interface {index} of another network namespace"));
    }
    let mut kernel = Kernel::load(&options).unwrap();
    kernel.attach("left", Mode::Generic, Hooks::default()).unwrap();
    assert_eq!(links(), 2 * before, "each has its pin");
    kernel.release_earlier().unwrap();
    assert_eq!(links(), before);
    assert!(![String::new(), there].contains(&xdp("left")));
    drop(kernel);
    drop((here, elsewhere));
}
