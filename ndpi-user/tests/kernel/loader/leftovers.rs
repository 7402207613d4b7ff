//! Leftovers of a crashed instance, and `detach`.

use std::os::unix::net::UnixListener;
use std::process::{Command, Output};

use ndpi_common::{Action, VerdictEntry};
use ndpi_kernel::{Egress, Hooks, Kernel, LoadOptions, Mode, detach};
use rustix::mount::{MountFlags, mount};
use testkit::frame::{key4, udp4};
use testkit::thread_namespace::{ThreadNamespace, run};

use crate::loader::preflight::own_mounts;
use crate::loader::setup::{can_load, load, options, pin_directory};

/// As of an instance that was killed: its TC filter stays, having no link.
fn leave_a_filter(interface: &str) {
    let mut kernel = Kernel::load(&LoadOptions { pin_directory: None, ..options() }).unwrap();
    let hooks = Hooks { ingress: false, egress: Some(Egress::Clsact) };
    kernel.attach(interface, Mode::Auto, hooks).unwrap();
    std::mem::forget(kernel);
}

#[test]
fn filters_of_a_dead_instance_go_and_those_of_others_stay() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    leave_a_filter("left");
    let mut running = load();
    let hooks = Hooks { ingress: true, egress: Some(Egress::Clsact) };
    running.attach("right", Mode::Auto, hooks).unwrap();
    let detached = detach(&pin_directory()).unwrap();
    assert_eq!((detached.filters, detached.xdp), (vec!["left".to_owned()], vec![]));
    assert!(!run("tc", "qdisc show dev left").contains("clsact"));
    assert!(run("tc", "filter show dev right egress").contains("ndpi_tc"));
    assert!(run("ip", "link show right").contains("xdp"), "a running instance keeps its programs");
}

#[test]
fn a_program_without_a_link_goes() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let mut kernel = load();
    kernel.attach("left", Mode::Generic, Hooks { ingress: true, egress: None }).unwrap();
    let link = run("ip", "-details link show left");
    let id = link.split("prog/xdp id ").nth(1).and_then(|rest| rest.split_whitespace().next());
    run("bpftool", &format!("net attach xdpgeneric id {} dev right", id.unwrap()));
    drop(kernel);
    assert!(run("ip", "link show right").contains("xdp"), "netlink's attachment outlives us");
    let detached = detach(&pin_directory()).unwrap();
    assert_eq!(detached.to_string(), "removed XDP programs on right");
    assert!(!run("ip", "link show right").contains("xdp"));
    assert_eq!(detach(&pin_directory()).unwrap().to_string(), "nothing was left");
}

#[test]
fn the_socket_of_a_dead_instance_goes_and_that_of_another_stays() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    // Other tests' locks and sockets are not to be seen here.
    own_mounts();
    mount("none", "/run", "tmpfs", MountFlags::empty(), c"mode=0755").unwrap();
    let (dead, running) = (load(), load());
    let [left, other] = [&dead, &running].map(|kernel| kernel.socket_path().unwrap());
    // A listener that is dropped leaves its file, as one that is killed does.
    for path in [&left, &other] {
        drop(UnixListener::bind(path).unwrap());
    }
    drop(dead);
    // Its directory is gone, whichever that was.
    let said = detach(&pin_directory()).unwrap().to_string();
    assert_eq!(said, "removed the control socket");
    assert!(!left.exists() && other.exists());
    assert_eq!(detach(&pin_directory()).unwrap().to_string(), "nothing was left");
}

#[test]
fn the_command_verdicts_shows_what_the_kernel_counted() {
    if !can_load() {
        return;
    }
    let options = options();
    let directory = options.pin_directory.clone().unwrap();
    let directory = directory.to_str().unwrap();
    let mut kernel = Kernel::load(&options).unwrap();
    assert_eq!(text(&ndpi_xdp(&["verdicts", "--pin-dir", directory])), "no flow has a verdict\n");
    let verdict = VerdictEntry { action: Action::Drop as u8, rule: 4, ..VerdictEntry::default() };
    kernel.verdicts().insert(&key4(4000, 53), &verdict).unwrap();
    kernel.test_run().xdp(&udp4(4000, 53, b"hello"), None, 3).unwrap();

    let lines = text(&ndpi_xdp(&["verdicts", "--json", "--pin-dir", directory]));
    let object: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!(object["action"], "drop");
    assert_eq!(object["lower"], "198.18.0.1");
    assert_eq!((&object["packets_lower"], &object["dropped"]), (&3.into(), &3.into()));
    let table = text(&ndpi_xdp(&["verdicts", "--pin-dir", directory]));
    assert!(table.contains("UDP    198.18.0.1:4000 ↔ 198.18.0.2:53  drop"), "{table}");

    drop(kernel);
    let gone = ndpi_xdp(&["verdicts", "--pin-dir", directory]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("none is running"));
}

#[test]
fn the_command_detach_leaves_a_running_instance_alone() {
    if !can_load() {
        return;
    }
    let options = options();
    let directory = options.pin_directory.clone().unwrap();
    let kernel = Kernel::load(&options).unwrap();
    let refused = ndpi_xdp(&["detach", "--pin-dir", directory.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let pid = format!("(pid {})", std::process::id());
    assert!(String::from_utf8_lossy(&refused.stderr).contains(&pid));
    drop(kernel);
}

fn ndpi_xdp(arguments: &[&str]) -> Output {
    Command::new(testkit::program::binary()).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
