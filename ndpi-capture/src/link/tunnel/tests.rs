//! Tunnels in captures, built byte by byte.

use crate::link::{Outer, Tunnel, TunnelKind, Tunnels, decode};
use crate::packet::{LinkType, Packet};

const IPV4: u16 = 0x0800;

/// IPv4 between 198.18.0.2 and 198.18.0.1 around `payload`.
fn ipv4(proto: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b] = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let header = [0x45, 0, a, b, 0, 0, 0, 0, 64, proto, 0, 0, 198, 18, 0, 2, 198, 18, 0, 1];
    [&header[..], payload].concat()
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let [a, b] = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let [c, d] = port.to_be_bytes();
    ipv4(17, &[&[0x0f, 0xa0, c, d, a, b, 0, 0][..], payload].concat())
}

fn gre(flags: u8, protocol: u16, fields: &[u8], payload: &[u8]) -> Vec<u8> {
    ipv4(47, &[&[flags, 0][..], &protocol.to_be_bytes(), fields, payload].concat())
}

/// What is inside: UDP to port 53.
fn inner() -> Vec<u8> {
    udp(53, b"abcd")
}

fn ethernet(tags: &[u8], packet: &[u8]) -> Vec<u8> {
    [&[2; 12][..], tags, &IPV4.to_be_bytes(), packet].concat()
}

fn packet(data: &[u8]) -> Packet<'_> {
    let wire_len = u32::try_from(data.len()).unwrap();
    Packet { time_ns: 7, link_type: LinkType(101), data, wire_len }
}

fn outer(data: &[u8], tunnels: &Tunnels) -> Option<Outer> {
    decode(&packet(data), tunnels).ok()?.outer()
}

fn all() -> Tunnels {
    Tunnels::all(true)
}

/// What the tunnel in `data` is, and the VLAN inside; the innermost packet must be that of [`inner`].
#[track_caller]
fn check(data: &[u8], kind: &str, tenant: Option<u32>) -> u16 {
    let found = decode(&packet(data), &all()).unwrap();
    assert_eq!(found.l3(), inner(), "{kind}");
    let outer = found.outer().unwrap();
    assert_eq!((outer.kind, outer.tenant), (kind, tenant));
    // However much of it is there, it has an answer, and its own flow where the inner one is not.
    for len in 0..data.len() {
        for tunnels in [all(), Tunnels::all(false)] {
            if let Ok(decoded) = decode(&packet(&data[..len]), &tunnels) {
                assert!(decoded.l3().len() <= len);
            }
        }
    }
    let closed = decode(&packet(data), &Tunnels::all(false)).unwrap();
    assert_eq!((closed.l3().len(), closed.tunnels()), (data.len(), &[None, None]));
    found.packet().key.vlan()
}

#[test]
fn mirrored_frames_of_three_types_are_found() {
    let frame = ethernet(&[], &inner());
    assert_eq!(check(&gre(0, 0x88be, &[], &frame), "erspan", None), 0);
    let type_2 = |first: [u8; 4], frame: &[u8]| {
        gre(0x10, 0x88be, &[&[0, 0, 0, 9][..], &first, &[0; 4]].concat(), frame)
    };
    assert_eq!(check(&type_2([0x10, 0, 0, 1], &frame), "erspan", None), 0);
    assert_eq!(check(&type_2([0x10, 5, 0x10, 1], &frame), "erspan", None), 5, "the switch's");
    let tagged = ethernet(&[0x81, 0, 0, 7], &inner());
    assert_eq!(check(&type_2([0x10, 5, 0x18, 1], &tagged), "erspan", None), 7, "its own");

    let type_3 = |last: [u8; 2], more: &[u8], frame: &[u8]| {
        let header = [&[0, 0, 0, 9, 0x20, 6, 0, 1, 0, 0, 0, 1, 0, 0][..], &last, more].concat();
        gre(0x10, 0x22eb, &header, frame)
    };
    assert_eq!(check(&type_3([0, 0], &[], &frame), "erspan", None), 6);
    assert_eq!(check(&type_3([0x80, 1], &[9; 8], &frame), "erspan", None), 6);
    assert_eq!(check(&type_3([0x08, 0], &[], &inner()), "erspan", None), 6, "IP without a frame");
    // With a key, which is the tenant's.
    let keyed = gre(0x20, 0x88be, &[0, 0, 0, 3], &frame);
    assert_eq!(check(&keyed, "erspan", Some(3)), 0);
}

#[test]
fn vxlan_is_looked_for_where_it_is_said_to_be() {
    let header = [8, 0, 0, 0, 0, 0, 7, 0];
    let body = [&header[..], &ethernet(&[], &inner())].concat();
    for port in [4789, 8472, 4790] {
        check(&udp(port, &body), "vxlan", Some(7));
    }
    let elsewhere = udp(48879, &body);
    assert_eq!(outer(&elsewhere, &all()), None);
    let said = all().with_vxlan_ports([48879]);
    assert_eq!(outer(&elsewhere, &said).unwrap().tenant, Some(7));
    // What the programs open, and what they do not.
    let unopened = |port| decode(&packet(&udp(port, &body)), &all()).unwrap().unopened();
    assert_eq!(unopened(4789), None);
    assert_eq!(unopened(8472), Some("vxlan"));
}

#[test]
fn the_generic_extension_says_what_follows() {
    let body = |flags: u8, protocol: u8, packet: &[u8]| {
        udp(4790, &[&[flags, 0, 0, protocol, 0, 0, 7, 0][..], packet].concat())
    };
    check(&body(0x0c, 1, &inner()), "vxlan-gpe", Some(7));
    check(&body(0x0c, 3, &ethernet(&[], &inner())), "vxlan-gpe", Some(7));
    for (flags, protocol) in [(0x0c, 4), (0x0d, 1), (0x1c, 1), (0x04, 1)] {
        assert_eq!(outer(&body(flags, protocol, &inner()), &all()), None);
    }
}

#[test]
fn every_kind_has_its_tenant() {
    let frame = ethernet(&[], &inner());
    check(&gre(0, IPV4, &[], &inner()), "gre", None);
    check(&gre(0x20, IPV4, &[0, 0, 1, 2], &inner()), "gre", Some(0x102));
    check(&gre(0xb0, IPV4, &[9, 9, 9, 9, 0, 0, 1, 2, 9, 9, 9, 9], &inner()), "gre", Some(0x102));
    check(&gre(0x20, 0x6558, &[0, 0, 0, 42], &frame), "gre", Some(42));
    check(&gre(0x20, 0x6558, &[0, 0x20, 0, 42], &frame), "nvgre", Some(0x2000));
    let geneve = [&[0, 0, 0x65, 0x58, 0, 0, 8, 0][..], &frame].concat();
    check(&udp(6081, &geneve), "geneve", Some(8));
    let gtp = [&[0x30, 255, 0, 36, 0, 0, 1, 0][..], &inner()].concat();
    check(&udp(2152, &gtp), "gtp-u", Some(256));
    check(&ipv4(4, &inner()), "ip-in-ip", None);
}

#[test]
fn two_tunnels_are_opened_and_no_third() {
    let vxlan = |packet: &[u8]| {
        udp(8472, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &ethernet(&[], packet)].concat())
    };
    let keyed = |packet: &[u8]| gre(0x20, IPV4, &[0, 0, 0, 3], packet);
    let nested = keyed(&vxlan(&inner()));
    check(&nested, "vxlan", Some(7));
    assert_eq!(outer(&nested, &all()).unwrap().outer_tenant, Some(3));
    let tunnels = [(TunnelKind::Gre, 3), (TunnelKind::Vxlan, 7)];
    let tunnels = tunnels.map(|(kind, id)| Some(Tunnel { kind, id: Some(id) }));
    assert_eq!(decode(&packet(&nested), &all()).unwrap().tunnels(), &tunnels);
    let third = keyed(&vxlan(&keyed(&inner())));
    assert_eq!(decode(&packet(&third), &all()).unwrap().packet().key.proto(), 47);
}

#[test]
fn what_only_looks_like_a_tunnel_stays_the_outer_flow() {
    let frame = ethernet(&[], &inner());
    let cases = [
        // Of another version, or none; of an unknown kind of frame; with a route of its own.
        gre(0x10, 0x88be, &[0, 0, 0, 9, 0x20, 0, 0, 1, 0, 0, 0, 0], &frame),
        gre(0, 0x22eb, &[0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &frame),
        gre(0x10, 0x22eb, &[0, 0, 0, 9, 0x20, 6, 0, 1, 0, 0, 0, 1, 0, 0, 0x04, 0], &frame),
        gre(0x40, 0x88be, &[0; 4], &frame),
        udp(8472, &[8, 0, 0, 0, 0, 0, 7, 0]),
        udp(8472, &[&[0, 0, 0, 0, 0, 0, 7, 0][..], &frame].concat()),
    ];
    for data in cases {
        let found = decode(&packet(&data), &all()).unwrap();
        assert_eq!((found.l3().len(), found.tunnels()), (data.len(), &[None, None]));
    }
}
