//! Other people's programs and filters at egress, before ours and behind: each has its say.

use std::net::UdpSocket;

use ndpi_common::Hook;
use ndpi_kernel::{Attachment, Egress, Hooks, Kernel, Mode};
use testkit::bpf::call::Place;
use testkit::bpf::code::TC_NEXT;
use testkit::foreign::ForeignEgress;
use testkit::thread_namespace::{ThreadNamespace, ip, run};

use crate::loader::setup::{can_load, load};

/// Classic BPF with a constant answer, as tc(8) takes it: `TC_ACT_SHOT` and `TC_ACT_UNSPEC`.
const DROPS: &str = "1,6 0 0 2";
const HANDS_ON: &str = "1,6 0 0 4294967295";
const PACKETS: u16 = 10;

/// A namespace in which nobody but the test sends through `left`.
fn quiet() -> ThreadNamespace {
    let namespace = ThreadNamespace::enter();
    for setting in ["default", "all", "left", "right"] {
        run("sysctl", &format!("-qw net.ipv6.conf.{setting}.disable_ipv6=1"));
    }
    ip("address add 198.18.9.1/30 dev left");
    ip("neighbour add 198.18.9.2 lladdr 02:00:00:00:00:02 dev left");
    namespace
}

fn send() {
    let socket = UdpSocket::bind("198.18.9.1:0").unwrap();
    for _ in 0..PACKETS {
        socket.send_to(b"hello", "198.18.9.2:9").unwrap();
    }
}

fn attach(kernel: &mut Kernel, by: Egress) -> Attachment {
    let hooks = Hooks { ingress: false, egress: Some(by) };
    kernel.attach("left", Mode::Auto, hooks).unwrap()
}

/// An operator's filter.
fn filter(preference: u16, bytecode: &str) {
    let output = std::process::Command::new("tc")
        .args(["filter", "add", "dev", "left", "egress", "pref", &preference.to_string()])
        .args(["bpf", "da", "bytecode", bytecode])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Packets that left through `left`: those that TC drops are not among them.
fn sent() -> u64 {
    let shown = run("ip", "-json -stats link show left");
    let links: serde_json::Value = serde_json::from_str(&shown).unwrap();
    links[0]["stats64"]["tx"]["packets"].as_u64().unwrap()
}

/// Sends, and fails unless we have seen it all; says how many packets left.
fn leaving(kernel: &Kernel) -> u64 {
    let seen = || kernel.stats().read().unwrap().seen(Hook::Tc).packets;
    let (before, sent_before) = (seen(), sent());
    send();
    assert_eq!(seen() - before, u64::from(PACKETS), "we see them");
    sent() - sent_before
}

#[test]
fn programs_and_filters_around_ours_at_tcx_see_what_we_hand_on() {
    if !can_load() {
        return;
    }
    let _namespace = quiet();
    run("tc", "qdisc add dev left clsact");
    let mut kernel = load();
    let index = attach(&mut kernel, Egress::Tcx).index;
    let neighbours =
        [Place::First, Place::Last].map(|place| ForeignEgress::attach(index, place, TC_NEXT));
    assert_eq!(leaving(&kernel), u64::from(PACKETS));
    assert_eq!(neighbours.each_ref().map(ForeignEgress::seen), [u64::from(PACKETS); 2]);
    filter(9, DROPS);
    assert_eq!(leaving(&kernel), 0, "the operator's filter drops as it did without us");
    assert_eq!(neighbours.each_ref().map(ForeignEgress::seen), [2 * u64::from(PACKETS); 2]);
}

#[test]
fn filters_around_ours_at_clsact_see_what_we_hand_on() {
    if !can_load() {
        return;
    }
    let _namespace = quiet();
    let mut kernel = load();
    let index = attach(&mut kernel, Egress::Clsact).index;
    // The newest of one preference comes first.
    filter(1, HANDS_ON);
    let before = ForeignEgress::attach(index, Place::First, TC_NEXT);
    assert_eq!(leaving(&kernel), u64::from(PACKETS));
    filter(40_000, DROPS);
    assert_eq!(leaving(&kernel), 0, "the operator's filter drops as it did without us");
    assert_eq!(before.seen(), 2 * u64::from(PACKETS));
}
