//! VLAN tags that are not in the packet: the stack and the hardware keep them beside it.

use std::time::{Duration, Instant};

use ndpi_common::{Action, Hook, Key, KeyV4, Outcome, Reason, VerdictEntry};
use ndpi_kernel::{Hooks, Kernel, Mode, XdpContext};
use testkit::frame::{key4, udp4};
use testkit::interface::index;
use testkit::thread_namespace::{ThreadNamespace, ip};

use crate::loader::setup::{can_load, load};

const VLAN: u16 = 7;
const OUT: Hooks = Hooks { ingress: false, egress: Some(ndpi_kernel::Egress::Auto) };

/// A bridge from `right` to `out`. What comes in with a tag loses it to the packet's buffer on the
/// way, and goes out with the tag beside it.
fn bridge() {
    ip("link add bridge type bridge");
    ip("link add out type veth peer name far");
    for port in ["right", "out"] {
        ip(&format!("link set {port} master bridge"));
    }
    for interface in ["bridge", "out", "far"] {
        ip(&format!("link set {interface} up"));
    }
}

/// Lets a tagged frame come in on `right`.
fn come_in(kernel: &mut Kernel, from: u16) -> Vec<u8> {
    let mut frame = udp4(from, 53, b"tagged");
    frame[..6].copy_from_slice(&[0xff; 6]);
    frame.splice(12..12, [[0x81, 0], VLAN.to_be_bytes()].concat());
    let context = XdpContext { ingress_ifindex: index("right").unwrap(), rx_queue_index: 0 };
    kernel.test_run().xdp_live(&frame, &context, 1, 1).unwrap();
    frame
}

fn key(from: u16) -> Key {
    let Key::V4(key) = key4(from, 53) else { panic!("an IPv4 key") };
    Key::V4(KeyV4 { vlan: VLAN, ..key })
}

#[test]
fn a_tag_beside_the_packet_is_part_of_the_key() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    bridge();
    let mut kernel = load();
    let mut rings = kernel.take_rings().unwrap();
    let out = kernel.attach("out", Mode::Auto, OUT).unwrap().index;
    let frame = come_in(&mut kernel, 4000);
    let mut seen = None;
    let deadline = Instant::now() + Duration::from_secs(10);
    while seen.is_none() {
        assert!(Instant::now() < deadline, "the frame did not come out");
        let each = |header: &ndpi_common::SampleHeader, bytes: &[u8]| {
            if header.hook() == Hook::Tc && bytes.ends_with(b"tagged") {
                seen = Some((header.key(), header.ifindex, bytes.to_vec()));
            }
        };
        rings.poll(Some(Duration::from_millis(100)), each).unwrap();
    }
    assert_eq!(seen.unwrap(), (Some(key(4000)), out, frame[18..].to_vec()));
}

#[test]
fn a_verdict_on_a_tagged_flow_holds_where_the_tag_is_beside_it() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    bridge();
    let mut kernel = load();
    kernel.attach("out", Mode::Auto, OUT).unwrap();
    let verdict = VerdictEntry { action: Action::Count as u8, ..VerdictEntry::default() };
    kernel.verdicts().insert(&key(4000), &verdict).unwrap();
    come_in(&mut kernel, 4000);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let statistics = kernel.stats().read().unwrap();
        if statistics.get(Hook::Tc, Outcome::Passed, Reason::Count).packets == 1 {
            break;
        }
        assert!(Instant::now() < deadline, "{statistics:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
