//! The link header that a sample has of its frame.

use ndpi_common::{Hook, LinkHeader, SampleFlags, Switches, TenantKind};
use testkit::frame::{ACK, SYN, V4, V6};
use testkit::tunnel::carry;

use crate::harness::{Answer, HOOKS, Settings, Shown, kernel};

const ETHERNET: usize = 14;

/// `frame` between two devices.
fn between(frame: &[u8], destination: [u8; 6], source: [u8; 6]) -> Vec<u8> {
    [&destination[..], &source, &frame[12..]].concat()
}

fn has_link(sample: &Shown) -> bool {
    sample.header.flags & SampleFlags::NO_LINK == 0
}

#[test]
fn a_sample_has_the_addresses_and_the_type_of_its_frame() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let (destination, source) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    for hook in HOOKS {
        for (frame, ethertype) in [
            (V4.out(SYN, b"hello"), [0x08, 0x00]),
            (V6.out(SYN, b"hello"), [0x86, 0xdd]),
            (V4.in_vlan(5).out(SYN, b"hello"), [0x81, 0x00]),
            // Not of the common form.
            (V4.ipv4(true, &[1; 4], 0x4000, &V4.transport(true, SYN, b"hello")), [0x08, 0x00]),
        ] {
            kernel.forget();
            assert_eq!(kernel.run(hook, &between(&frame, destination, source)), Answer::Pass);
            let shown = kernel.shown();
            let link = LinkHeader { destination, source, ethertype };
            assert_eq!(shown.len(), 1);
            assert_eq!((shown[0].header.link, has_link(&shown[0])), (link, true), "{hook:?}");
        }
    }
}

#[test]
fn what_begins_with_ip_has_none_whatever_was_seen_before() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for hook in HOOKS {
        for frame in [
            V4.out(SYN, b"hello"),
            V6.out(SYN, b"hello"),
            V4.ipv4(true, &[1; 4], 0x4000, &V4.transport(true, SYN, b"hello")),
        ] {
            kernel.forget();
            kernel.run(hook, &V4.with_port(9).out(SYN, b"with one"));
            kernel.run_l3(hook, &frame[ETHERNET..]);
            let shown = kernel.shown();
            let links: Vec<_> = shown.iter().map(|it| (it.header.link, has_link(it))).collect();
            assert_eq!(links[1..], [(LinkHeader::NONE, false)], "{hook:?}");
        }
    }
}

#[test]
fn what_is_inside_of_a_tunnel_has_that_of_the_frame() {
    let switches = Switches::TUNNELS;
    let Some(mut kernel) = kernel(Settings { switches, ..Settings::SMALL }) else { return };
    let frame = carry(V4, TenantKind::GreKey, 7, &V4.out(ACK, b"inside"));
    let frame = between(&frame, [4; 6], [6; 6]);
    let expected = LinkHeader { destination: [4; 6], source: [6; 6], ethertype: [0x08, 0x00] };
    kernel.run(Hook::Xdp, &frame);
    let shown = kernel.shown();
    assert!(shown.len() == 2 && shown.iter().all(|it| it.header.link == expected && has_link(it)));
    kernel.forget();
    kernel.run_l3(Hook::Xdp, &frame[ETHERNET..]);
    let shown = kernel.shown();
    assert!(shown.len() == 2 && !shown.iter().any(has_link));
}
