//! Every link type leads to the same sample; what leads nowhere is named.

use ndpi_common::Direction;

use super::{Skip, Skips, Tunnels, sample};
use crate::capture::{LinkType, Packet};
use crate::sample::Sample;
use crate::testing;

/// UDP from 198.18.0.2:4000 to 198.18.0.1:53 with four bytes of payload.
const IPV4: [u8; 32] = [
    0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 2, 198, 18, 0, 1, 0x0f, 0xa0, 0, 53, 0,
    12, 0, 0, b'a', b'b', b'c', b'd',
];

fn ipv6() -> Vec<u8> {
    let (source, destination) = ([0x20, 1, 0x0d, 0xb8, 2], [0x20, 1, 0x0d, 0xb8, 1]);
    let mut packet = vec![0x60, 0, 0, 0, 0, 12, 17, 64];
    for address in [source, destination] {
        packet.extend(address);
        packet.extend([0; 11]);
    }
    packet.extend(&IPV4[20..]);
    packet
}

fn packet(link_type: u16, data: &[u8]) -> Packet<'_> {
    let wire_len = u32::try_from(data.len()).unwrap();
    Packet { time_ns: 7, link_type: LinkType(link_type), data, wire_len }
}

fn check(sample: &Sample, ip: &[u8]) {
    let ((_, sport), (_, dport)) = sample.key.endpoints(sample.direction);
    assert_eq!((sport, dport, sample.direction), (4000, 53, Direction::FromUpper));
    assert_eq!((sample.l3, sample.bytes as usize, sample.time_ns), (ip, ip.len(), 7));
}

/// Link types with a header of each, before IPv4.
fn before_ipv4() -> Vec<(u16, Vec<u8>)> {
    let sll = |arphrd: u16, protocol: u16| {
        let middle = [0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        [&[0, 0], &arphrd.to_be_bytes()[..], &middle, &protocol.to_be_bytes()].concat()
    };
    let gre_ethernet = [&sll(778, 0x6558)[..], &[0; 12], &[8, 0]].concat();
    vec![
        (1, [&[0; 12][..], &[8, 0]].concat()),
        (1, [&[0; 12][..], &[0x81, 0, 0, 5, 8, 0]].concat()),
        (12, vec![]),
        (14, vec![]),
        (101, vec![]),
        (228, vec![]),
        (0, vec![2, 0, 0, 0]),
        (0, vec![0, 0, 0, 2]),
        (108, vec![0, 0, 0, 2]),
        (113, sll(1, 0x0800)),
        (113, gre_ethernet),
        (276, [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1][..], &[0; 10]].concat()),
        (9, vec![0, 0x21]),
        (9, vec![0x21]),
        (9, vec![0xff, 0x03, 0, 0x21]),
        (50, vec![0xff, 0x03, 0, 0x21]),
        (50, vec![0x0f, 0, 8, 0]),
        (104, vec![0x8f, 0, 8, 0]),
        (104, vec![0x0f, 0, 0x88, 0x47, 0, 0, 0x11, 64]),
        (51, vec![0x11, 0, 0, 1, 0, 34, 0, 0x21]),
        (166, vec![1, 0xff, 0x03, 0, 0x21]),
        (192, [&ppi(1)[..], &[0; 12], &[8, 0]].concat()),
    ]
}

/// The same before IPv6.
fn before_ipv6() -> Vec<(u16, Vec<u8>)> {
    vec![
        (1, [&[0; 12][..], &[0x86, 0xdd]].concat()),
        (229, vec![]),
        (0, vec![10, 0, 0, 0]),
        (0, vec![24, 0, 0, 0]),
        (0, vec![28, 0, 0, 0]),
        (0, vec![0, 0, 0, 30]),
        (9, vec![0, 0x57]),
        (104, vec![0x0f, 0, 0x86, 0xdd]),
        (192, ppi(101)),
    ]
}

/// A header of per-packet information before the link type `inside`.
fn ppi(inside: u8) -> Vec<u8> {
    vec![0, 0, 12, 0, inside, 0, 0, 0, 9, 9, 9, 9]
}

#[test]
fn every_link_type_leads_to_layer_3() {
    for (link_type, header) in before_ipv4() {
        let data = [&header[..], &IPV4].concat();
        check(&sample(&packet(link_type, &data), &Tunnels::all(false)).expect("IPv4"), &IPV4);
    }
    let ip = ipv6();
    for (link_type, header) in before_ipv6() {
        let data = [&header[..], &ip].concat();
        check(&sample(&packet(link_type, &data), &Tunnels::all(false)).expect("IPv6"), &ip);
    }
}

#[test]
fn seeds_of_the_fuzzer_are_in_the_repository() {
    let gre = [&[0, 0, 8, 0][..], &IPV4].concat();
    let mut outside = IPV4[..20].to_vec();
    (outside[3], outside[9]) = (20 + 36, 47);
    let tunnel = [outside, gre].concat();
    let v4 = before_ipv4().into_iter().map(|seed| (seed, IPV4.to_vec()));
    let v6 = before_ipv6().into_iter().map(|seed| (seed, ipv6()));
    // Once found to have an outside without an inside.
    let mut fragment_inside = tunnel.clone();
    fragment_inside[24 + 7] = 1;
    let all = v4.chain(v6).chain([tunnel, fragment_inside].map(|ip| ((101, vec![]), ip)));
    for (number, ((link_type, header), ip)) in all.enumerate() {
        let [a, b] = link_type.to_le_bytes();
        let bytes = [&[a, b, 0][..], &header, &ip].concat();
        testing::seed("link", &format!("{number:02}-link-type-{link_type}"), &bytes);
    }
}

#[test]
fn padding_is_cut_and_a_snapshot_keeps_the_length_on_the_wire() {
    let padded = [&IPV4[..], &[0; 14]].concat();
    check(&sample(&packet(101, &padded), &Tunnels::all(false)).unwrap(), &IPV4);

    let mut snapshot = packet(101, &IPV4[..28]);
    snapshot.wire_len = 32;
    let cut = sample(&snapshot, &Tunnels::all(false)).unwrap();
    assert_eq!((cut.l3.len(), cut.bytes), (28, 32));
}

#[test]
fn packets_without_a_flow_are_counted_by_reason() {
    let mut later = IPV4;
    later[7] = 1;
    let mut skips = Skips::default();
    let cases: [(u16, &[u8], &str); 11] = [
        (105, &IPV4, "link-type-105"),
        (192, &[0, 0, 8, 0, 192, 0, 0, 0], "link-type-192"),
        (192, &[0, 0, 7, 0, 1, 0, 0, 0], "truncated-link-header"),
        (192, &[0, 0, 9, 0, 1, 0, 0, 0], "truncated-link-header"),
        (1, &[0; 13], "truncated-link-header"),
        (113, &[0; 15], "truncated-link-header"),
        (9, &[0xff, 0x03, 0xc0, 0x21], "not-ip"),
        (9, &[], "truncated-link-header"),
        (101, &[], "truncated-ip-header"),
        (101, &[0x70], "bad-ip-version"),
        (101, &later, "later-fragment"),
    ];
    for (link_type, data, reason) in cases {
        let skip = sample(&packet(link_type, data), &Tunnels::all(false)).expect_err(reason);
        assert_eq!(skip.to_string(), reason);
        skips.count(skip);
    }
    assert_eq!(skips.total(), 11);
    assert_eq!(skips.iter().find(|(reason, _)| *reason == "truncated-link-header").unwrap().1, 5);
    let mut twice = skips.clone();
    twice.add(&skips);
    assert_eq!(twice.total(), 22);
    assert_eq!(
        sample(&packet(7, &[]), &Tunnels::all(true)).unwrap_err(),
        Skip::LinkType(LinkType(7))
    );
}

/// Any link type over any few bytes: an answer, and never a panic.
#[test]
fn rubbish_does_no_harm() {
    let mut seed = 1_u64;
    let mut data = [0; 64];
    for round in 0..200_000_u32 {
        for byte in &mut data {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = seed.to_be_bytes()[0] & seed.to_be_bytes()[1];
        }
        let link_types = [0, 1, 9, 50, 51, 101, 104, 113, 166, 192, 276];
        let link_type = link_types[round as usize % link_types.len()];
        let len = round as usize % data.len();
        let mut packet = packet(link_type, &data[..len]);
        packet.wire_len = seed.to_be_bytes()[2].into();
        for tunnels in [false, true] {
            if let Ok(sample) = sample(&packet, &Tunnels::all(tunnels)) {
                assert!(sample.l3.len() <= len);
            }
        }
    }
}
