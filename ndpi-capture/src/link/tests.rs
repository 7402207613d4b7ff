//! Every link type leads to the same packet; what leads nowhere is named.

use ndpi_common::{Direction, Reason};

use super::{Decoded, Framer, Skip, Skips, Tunnels, decode, packets};
use crate::packet::{LinkType, Packet};

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

fn check(decoded: &Decoded, ip: &[u8]) {
    let packet = decoded.packet();
    let ((_, sport), (_, dport)) = packet.key.endpoints(packet.direction);
    assert_eq!((sport, dport, packet.direction), (4000, 53, Direction::FromUpper));
    assert_eq!((decoded.l3(), packet.ip_len() as usize), (ip, ip.len()));
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

/// Headers of 802.11 and LLC, and of what radios and switches add.
fn radio_and_switch_headers() -> Vec<(u16, Vec<u8>)> {
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let wifi = |control: [u8; 2], more: &[u8]| [&control[..], &[0; 22], more, &snap].concat();
    let (data, qos) = (wifi([8, 1], &[]), wifi([0x88, 2], &[6, 0]));
    let radiotap = |fields: &[u8], frame: &[u8]| {
        let len = u8::try_from(4 + fields.len()).unwrap();
        [&[0, 0, len, 0][..], fields, frame].concat()
    };
    let with_time = [[0x2f, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0], [9; 12]].concat();
    let padded = [&[2, 0, 0, 0, 0x20][..], &qos[..26], &[0, 0], &snap].concat();
    let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56], &data].concat();
    let prism = [&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136], &data].concat();
    let mut big_endian = prism.clone();
    big_endian[4..8].copy_from_slice(&[0, 0, 0, 144]);
    vec![
        (105, data.clone()),
        (105, qos.clone()),
        // Four addresses, with and without QoS; HT control.
        (105, wifi([8, 3], &[0; 6])),
        (105, wifi([0x88, 3], &[0; 8])),
        (105, wifi([0x88, 0x81], &[0; 6])),
        (127, radiotap(&[0; 4], &data)),
        (127, radiotap(&with_time, &data)),
        (127, [&[0, 0, 9, 0][..], &padded].concat()),
        (119, prism),
        (119, big_endian),
        (119, avs.clone()),
        (163, avs),
        (192, [&ppi(105)[..], &data].concat()),
        (100, snap.to_vec()),
        (100, vec![0xfe, 0xfe, 3, 0xcc]),
        (100, [&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0][..], &[0; 12], &[8, 0]].concat()),
        (106, vec![6, 6, 3]),
        (6, [&[0x10, 0x40][..], &[0; 12], &snap].concat()),
        (6, [&[0x10, 0x40][..], &[0; 6], &[0x80; 6], &[6, 0, 1, 2, 3, 4], &snap].concat()),
        (10, [&[0x50][..], &[0; 12], &snap].concat()),
        (122, [&[0; 16][..], &snap].concat()),
        (284, [&[0; 12][..], &[0xc0, 0x0a, 0, 0, 8, 0]].concat()),
        (284, [&[0; 12][..], &[0xe0, 0x0a, 0x60, 7, 8, 0]].concat()),
        (285, [&[0; 12][..], &[0xda, 0xda, 0, 0, 0x40, 8, 0, 0, 8, 0]].concat()),
        (281, [&[0; 12][..], &[0x20, 0, 0, 1, 8, 0]].concat()),
        (282, [&[0x20, 0, 0, 1][..], &[0; 12], &[8, 0]].concat()),
    ]
}

/// Headers of logs, wrappers, serial lines and whatever else carries IP.
fn other_headers() -> Vec<(u16, Vec<u8>)> {
    let ip_len = u8::try_from(IPV4.len() + 4).unwrap();
    let pktap = |head: [u8; 12]| [&head[..], &[7; 24]].concat();
    let erf = |kind: u8, more: &[u8]| [&[0; 8][..], &[kind], &[0; 7], more].concat();
    vec![
        (239, vec![2, 0, 0, 1, 8, 0, 1, 0, 8, 0, 1, 0, ip_len, 0, 9, 0]),
        (239, vec![2, 0, 0, 1, 0, 5, 0, 10, b'x', 0, 0, 0, 0, ip_len, 0, 9]),
        // Of a bridge, where only the packet's header says what it is.
        (239, vec![7, 0, 0, 1, 8, 0, 1, 0, 8, 0, 1, 0, ip_len, 0, 9, 0]),
        (258, [&pktap([36, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])[..], &[0; 12], &[8, 0]].concat()),
        (258, pktap([0, 0, 0, 36, 0, 0, 0, 1, 0, 0, 0, 12])),
        (242, [&[0; 40][..], &[8, 0, 0, 0]].concat()),
        (247, [&[0, 2, 0, 0, 0, 0, 0, 0, 0x64][..], &[0; 19], &[8, 0, 0, 0]].concat()),
        (247, [&[0, 3][..], &[0; 46], &[0x65], &[0; 23], &[8, 0, 0, 0]].concat()),
        (117, [&[61, 2][..], &[0; 62]].concat()),
        (109, vec![0; 12]),
        (107, vec![0x18, 0x41, 3, 0xcc]),
        (107, vec![0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]),
        (107, vec![0x18, 0x41, 8, 0]),
        (206, vec![1, 0x18, 0x41, 8, 0]),
        (166, vec![1, 0x03, 0, 0x21]),
        (204, vec![1, 0xff, 0x03, 0, 0x21]),
        (205, vec![1, 0x0f, 0, 8, 0]),
        (219, vec![0, 0, 0x11, 64]),
        (226, vec![0; 24]),
        (8, vec![0; 16]),
        (240, [&[0; 16][..], &[8, 0]].concat()),
        (241, [&[0; 24][..], &[8, 0]].concat()),
        (259, [&[0; 20][..], &[8, 0]].concat()),
        (274, [&[0x55; 7][..], &[0xd5], &[0; 12], &[8, 0]].concat()),
        (99, [&[0; 6][..], &[8, 0], &[0; 36]].concat()),
        (138, [&[0; 16][..], &[8, 0]].concat()),
        (178, [b"MGC\x81", &[0, 2, 9, 9][..], &[0; 12], &[8, 0]].concat()),
        (178, [b"MGC\x02", &[0, 0, 0, 2][..]].concat()),
        (179, [b"MGC\x01", &[0, 0x21][..]].concat()),
        (181, [b"MGC\x01", &[0x0f, 0, 8, 0][..]].concat()),
        (197, erf(2, &[&[0; 14][..], &[8, 0]].concat())),
        (197, erf(0x82, &[&[0x80][..], &[0; 7], &[0; 8], &[0; 14], &[8, 0]].concat())),
        (197, erf(22, &[])),
        (197, erf(1, &[0x0f, 0, 8, 0])),
    ]
}

/// All headers before IPv4 that came later.
fn more_before_ipv4() -> Vec<(u16, Vec<u8>)> {
    radio_and_switch_headers().into_iter().chain(other_headers()).collect()
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
    for (link_type, header) in before_ipv4().into_iter().chain(more_before_ipv4()) {
        let data = [&header[..], &IPV4].concat();
        let found = decode(&packet(link_type, &data), &Tunnels::all(false));
        check(&found.unwrap_or_else(|skip| panic!("link type {link_type}: {skip}")), &IPV4);
    }
    let ip = ipv6();
    for (link_type, header) in before_ipv6() {
        let data = [&header[..], &ip].concat();
        check(&decode(&packet(link_type, &data), &Tunnels::all(false)).expect("IPv6"), &ip);
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
    let later = more_before_ipv4().into_iter().map(|seed| (seed, IPV4.to_vec()));
    for (number, ((link_type, header), ip)) in all.chain(later).enumerate() {
        let [a, b] = link_type.to_le_bytes();
        let bytes = [&[a, b, 0][..], &header, &ip].concat();
        testkit::seed::hold("link", &format!("{number:02}-link-type-{link_type}"), &bytes);
    }
}

#[test]
fn padding_is_cut_and_a_snapshot_keeps_the_length_on_the_wire() {
    let padded = [&IPV4[..], &[0; 14]].concat();
    check(&decode(&packet(101, &padded), &Tunnels::all(false)).unwrap(), &IPV4);

    let mut snapshot = packet(101, &IPV4[..28]);
    snapshot.wire_len = 32;
    let cut = decode(&snapshot, &Tunnels::all(false)).unwrap();
    assert_eq!((cut.l3().len(), cut.packet().ip_len()), (28, 32));
}

#[test]
fn packets_without_a_flow_are_counted_by_reason() {
    let mut later = IPV4;
    later[7] = 1;
    let mut skips = Skips::default();
    let cases: [(u16, &[u8], &str); 11] = [
        (189, &IPV4, "link_type_189"),
        (192, &[0, 0, 8, 0, 192, 0, 0, 0], "link_type_192"),
        (192, &[0, 0, 7, 0, 1, 0, 0, 0], "truncated_link"),
        (192, &[0, 0, 9, 0, 1, 0, 0, 0], "truncated_link"),
        (1, &[0; 13], "truncated_link"),
        (113, &[0; 15], "truncated_link"),
        (9, &[0xff, 0x03, 0xc0, 0x21], "not_ip"),
        (9, &[], "truncated_link"),
        (101, &[], "truncated_ip"),
        (101, &[0x70], "bad_version"),
        (101, &later, "later_fragment"),
    ];
    for (link_type, data, reason) in cases {
        let skip = decode(&packet(link_type, data), &Tunnels::all(false)).expect_err(reason);
        assert_eq!(skip.to_string(), reason);
        skips.count(skip);
    }
    assert_eq!(skips.total(), 11);
    assert_eq!(skips.iter().find(|(reason, _)| *reason == "truncated_link").unwrap().1, 5);
    let mut twice = skips.clone();
    twice.add(&skips);
    assert_eq!(twice.total(), 22);
    assert_eq!(
        decode(&packet(7, &[]), &Tunnels::all(true)).unwrap_err(),
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
        let link_type = u16::try_from(round % 310).unwrap();
        let len = round as usize % data.len();
        let mut packet = packet(link_type, &data[..len]);
        packet.wire_len = seed.to_be_bytes()[2].into();
        for tunnels in [false, true] {
            if let Ok(decoded) = decode(&packet, &Tunnels::all(tunnels)) {
                assert!(decoded.l3().len() <= len);
            }
        }
    }
}

/// Every header, cut anywhere, alone and with a packet behind it.
#[test]
fn a_cut_does_no_harm() {
    for (link_type, header) in before_ipv4().into_iter().chain(more_before_ipv4()) {
        let data = [&header[..], &IPV4].concat();
        for len in 0..=data.len() {
            for packet in packets(&packet(link_type, &data[..len])) {
                let found = decode(&packet, &Tunnels::all(true));
                let enough = len >= header.len() + 28;
                assert_eq!(found.is_ok(), enough || len >= header.len() + 20, "{link_type}: {len}");
            }
        }
    }
}

#[test]
fn what_is_in_a_tag_or_a_log_is_read() {
    let vlan = |link_type: u16, header: &[u8]| {
        let data = [header, &IPV4].concat();
        decode(&packet(link_type, &data), &Tunnels::all(false)).unwrap().packet().key.vlan()
    };
    let tag = |tag: [u8; 6]| [&[0; 12][..], &tag].concat();
    assert_eq!(vlan(284, &tag([0xe0, 0x0a, 0x60, 7, 8, 0])), 7, "it stands in for a VLAN's tag");
    assert_eq!(vlan(284, &tag([0xc0, 0x0a, 0x60, 7, 8, 0])), 0, "the port's own VLAN");

    // A payload that is not the last attribute ends where it says, whatever the IP length.
    let mut packet_without_length = IPV4;
    packet_without_length[3] = 0;
    let log = [&[2, 0, 0, 1, 36, 0, 9, 0][..], &packet_without_length, &[5, 0, 10, 0, 1, 0, 0, 0]];
    let log = log.concat();
    let found = decode(&packet(239, &log), &Tunnels::all(false)).unwrap();
    assert_eq!((found.l3().len(), found.packet().ip_len()), (32, 32));
}

/// Not by what the bytes behind the family happen to be.
#[test]
fn a_loopback_frame_of_another_family_is_not_ip() {
    for family in [[7, 0, 0, 0], [0, 0, 0, 7]] {
        for link_type in [0, 108] {
            let data = [&family[..], &IPV4].concat();
            let found = decode(&packet(link_type, &data), &Tunnels::all(false)).unwrap_err();
            let framed = Framer::default().frame(&packet(link_type, &data)).unwrap_err();
            assert_eq!((found.to_string().as_str(), framed), ("not_ip", found));
            let mut skips = Skips::default();
            skips.count(found);
            assert_eq!(skips.losses().collect::<Vec<_>>(), [("address family 7", 1)]);
        }
    }
}

/// Which the bytes behind it then say, as they do for nDPI's own reader.
#[test]
fn a_loopback_frame_of_a_family_that_no_system_has_is_read_by_its_version() {
    for family in [[3, 8, 3, 0], [0xff; 4], [0, 1, 0, 1]] {
        let data = [&family[..], &IPV4].concat();
        assert!(decode(&packet(0, &data), &Tunnels::all(false)).is_ok(), "{family:?}");
    }
}

/// One thing has one name, in `pcap` and in the kernel's statistics.
#[test]
fn reasons_have_the_kernels_names() {
    for skip in [Skip::NOT_IP, Skip::LINK_HEADER, Skip::LaterFragment] {
        let name = skip.to_string();
        assert!(Reason::ALL.iter().any(|reason| reason.name() == name), "{name}");
    }
    for skip in [Skip::LinkType(LinkType(7)), Skip::Protected, Skip::BadChecksum, Skip::LongFrame] {
        let name = skip.to_string();
        assert!(name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()), "{name}");
    }
}

#[test]
fn frames_of_802_11_without_a_packet_are_told_apart() {
    let of = |control: [u8; 2], fragment: u8| {
        let head = [&control[..], &[0; 20], &[fragment, 0]].concat();
        [&head[..], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &IPV4].concat()
    };
    let cases = [
        (of([0x08, 0x41], 0), "wifi_encrypted"),
        (of([0x08, 1], 1), "later_fragment"),
        (of([0x80, 0], 0), "not_ip"),
        (of([0x48, 1], 0), "not_ip"),
        (of([0x09, 1], 0), "not_ip"),
    ];
    for (frame, reason) in cases {
        let skip = decode(&packet(105, &frame), &Tunnels::all(false)).unwrap_err();
        assert_eq!(skip.to_string(), reason);
    }
    let broken = [&[0, 0, 9, 0, 2, 0, 0, 0, 0x40][..], &of([0x08, 1], 0)].concat();
    let skip = decode(&packet(127, &broken), &Tunnels::all(false)).unwrap_err();
    assert_eq!(skip, Skip::BadChecksum);
}

#[test]
fn an_aggregate_of_802_11_is_several_packets() {
    let subframe = |len: u8| {
        let llc = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &IPV4].concat();
        [&[0; 12][..], &[0, len], &llc].concat()
    };
    let head = [&[0x88, 1][..], &[0; 22], &[0x80, 0]].concat();
    let frame = [&head[..], &subframe(40), &[0, 0], &subframe(40)].concat();
    let whole = packet(105, &frame);
    let found: Vec<_> = packets(&whole).collect();
    assert_eq!(found.len(), 2);
    for packet in &found {
        check(&decode(packet, &Tunnels::all(false)).unwrap(), &IPV4);
    }
    // A length that lies takes all that is there; one of nothing ends somewhere.
    let lies = [&head[..], &subframe(255)].concat();
    assert_eq!(packets(&packet(105, &lies)).count(), 1);
    let empty = [&head[..], &[0; 60]].concat();
    assert!(packets(&packet(105, &empty)).count() <= 4);
    // Where not even one is there, the frame itself has no flow.
    let none = packet(105, &head);
    assert_eq!(packets(&none).next(), Some(none));
    assert!(decode(&none, &Tunnels::all(false)).is_err());
}
