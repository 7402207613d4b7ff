use super::build::{Frame, SYN, TCP, UDP};
use super::{cut_everywhere, parse, parse_with};
use crate::parse::{Notes, Options, Tunnel, ethertype};

const OPENED: Options =
    Options { tunnels: true, zero_length: false, cut_length: false, quoted: false };

/// Parses closed and opened, and checks what each finds.
fn check(frame: &Frame, outer: u8, tunnel: Tunnel) {
    let closed = parse(frame).ok().unwrap();
    assert!(closed.key.proto() == outer && closed.tunnel == Tunnel::None && closed.l3 == 14);
    let opened = parse_with(frame, OPENED).ok().unwrap();
    assert!(opened.tunnel == tunnel && opened.key.proto() == TCP && opened.l3 > closed.l3);
    assert!(opened.key.ports() == (40_000, 443) && opened.tcp_flags == SYN);
    assert!(closed.key.tunnel() == 0 && opened.key.tunnel() > 0);
    assert!(opened.end == frame.len() && opened.notes == Notes::NONE);
    cut_everywhere(frame);
}

fn inner(frame: &Frame) -> Frame {
    frame.bare_ipv4(TCP, &[], 20).tcp(SYN)
}

#[test]
fn ip_in_ip_and_two_levels_of_it() {
    let frame = Frame::ethernet().ipv4(4, &[], 40);
    check(&inner(&frame), 4, Tunnel::IpInIp);
    let frame = Frame::ethernet().ipv4(4, &[], 60).bare_ipv4(4, &[], 40);
    check(&inner(&frame), 4, Tunnel::IpInIp);
}

#[test]
fn gre_with_and_without_its_optional_fields() {
    for (flags, len) in [(0, 4), (0x80, 8), (0x20, 8), (0xb0, 16)] {
        let frame = Frame::ethernet().ipv4(47, &[], len + 40).with(&[flags, 0]);
        let frame = frame.be16(ethertype::IPV4).with(&[0; 16][..usize::from(len) - 4]);
        check(&inner(&frame), 47, Tunnel::Gre);
    }
}

#[test]
fn vxlan_and_geneve_carry_frames() {
    let frame = Frame::ethernet().ipv4(UDP, &[], 8 + 8 + 14 + 40).udp(4789, 62);
    let frame = frame.with(&[8, 0, 0, 0, 0, 0, 1, 0]).with(&[4; 12]).be16(ethertype::IPV4);
    check(&inner(&frame), UDP, Tunnel::Vxlan);

    let frame = Frame::ethernet().ipv4(UDP, &[], 8 + 12 + 14 + 40).udp(6081, 66);
    let frame = frame.with(&[1, 0]).be16(ethertype::BRIDGED_ETHERNET).with(&[0; 8]);
    check(&inner(&frame.with(&[4; 12]).be16(ethertype::IPV4)), UDP, Tunnel::Geneve);
}

#[test]
fn gtp_u_with_a_session_container() {
    let plain = Frame::ethernet().ipv4(UDP, &[], 8 + 8 + 40).udp(2152, 48);
    check(&inner(&plain.with(&[0x30, 255, 0, 40, 0, 0, 0, 9])), UDP, Tunnel::GtpU);

    let long = Frame::ethernet().ipv4(UDP, &[], 8 + 16 + 40).udp(2152, 56);
    let long = long.with(&[0x34, 255, 0, 48, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 9, 0]);
    check(&inner(&long), UDP, Tunnel::GtpU);
}

#[test]
fn what_only_looks_like_a_tunnel_stays_the_outer_flow() {
    let not_vxlan = Frame::ethernet().ipv4(UDP, &[], 16).udp(4789, 8).with(&[0; 8]);
    let cut_short = Frame::ethernet().ipv4(4, &[], 10).with(&[0x45; 10]);
    let old_gre = Frame::ethernet().ipv4(47, &[], 8).with(&[0x20, 1, 0x88, 0x0b, 0, 0, 0, 0]);
    for frame in [not_vxlan, cut_short, old_gre] {
        assert!(parse(&frame) == parse_with(&frame, OPENED));
    }
}
