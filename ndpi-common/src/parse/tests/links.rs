use super::build::{Frame, SYN, TCP, UDP};
use super::{cut_everywhere, parse};
use crate::parse::{
    ETHERNET_LEN, Link, MAX_LABELS, MAX_TAGS, Options, Refusal, Tags, ethertype, from_ethertype,
    from_ip,
};

fn tagged(count: u8) -> Frame {
    let mut frame = Frame::ethernet();
    for tag in 1..=count {
        let ethertype = if tag < count { ethertype::SERVICE_VLAN } else { ethertype::VLAN };
        frame = frame.be16(ethertype).be16(0x6000 | u16::from(tag));
    }
    frame.ipv4(TCP, &[], 20).tcp(SYN)
}

#[test]
fn up_to_four_tags_are_stepped_over_and_the_innermost_is_the_flows() {
    for count in 0..=MAX_TAGS {
        let packet = parse(&tagged(count)).unwrap_or_else(|_| panic!("{count} tags"));
        assert!(packet.tags.count == count && packet.key.vlan() == u16::from(count));
        assert!(packet.l3 == ETHERNET_LEN + 4 * u32::from(count));
        cut_everywhere(&tagged(count));
    }
    assert!(parse(&tagged(MAX_TAGS + 1)) == Err(Refusal::TooManyTags));
}

#[test]
fn a_tag_with_nothing_but_a_priority_changes_no_vlan() {
    for (outer, inner, vlan) in [(0xe000, 3, 3), (3, 0xe000, 3), (0, 0x2000, 0)] {
        let frame = Frame::ethernet().be16(ethertype::VLAN).be16(outer);
        let frame = frame.be16(ethertype::VLAN).be16(inner).ipv4(TCP, &[], 20).tcp(SYN);
        assert!(parse(&frame).is_ok_and(|p| p.key.vlan() == vlan && p.l3 == ETHERNET_LEN + 8));
    }
    let frame = Frame::ethernet().be16(ethertype::VLAN).be16(0xe000).ipv4(TCP, &[], 20).tcp(SYN);
    assert!(parse(&frame).is_ok_and(|p| p.tags == Tags::default()));
}

#[test]
fn a_stripped_tag_stands_before_those_in_the_frame() {
    let frame = tagged(1);
    let link = Link { tags: Tags::one(0x2064), ..Link::bare(ethertype::VLAN, ETHERNET_LEN) };
    let packet = from_ethertype(frame.bytes(), link, Options::default()).ok().unwrap();
    assert!(packet.tags.ids[..2] == [0x64, 1] && packet.key.vlan() == 1);
}

#[test]
fn labels_are_stepped_over_up_to_the_bottom_of_the_stack() {
    let stack = |labels: u32| {
        let mut frame = Frame::ethernet().be16(ethertype::MPLS);
        for label in 1..=labels {
            frame = frame.with(&[0, 1, u8::from(label == labels), 64]);
        }
        frame
    };
    for labels in 1..=MAX_LABELS {
        let frame = stack(labels).bare_ipv4(UDP, &[], 8).udp(53, 0);
        assert!(parse(&frame).is_ok_and(|p| p.l3 == ETHERNET_LEN + 4 * labels));
        cut_everywhere(&frame);
    }
    let frame = stack(MAX_LABELS + 1).bare_ipv4(UDP, &[], 8).udp(53, 0);
    assert!(parse(&frame) == Err(Refusal::TooManyTags));
    assert!(parse(&stack(1).with(&[0; 20])) == Err(Refusal::NotIp));
    assert!(parse(&stack(1)) == Err(Refusal::TruncatedLink));
}

#[test]
fn pppoe_sessions_are_stepped_over() {
    let session = |protocol: u16| {
        let frame = Frame::ethernet().be16(ethertype::PPPOE_SESSION);
        frame.with(&[0x11, 0, 0, 9, 0, 30]).be16(protocol).bare_ipv4(UDP, &[], 8).udp(53, 0)
    };
    assert!(parse(&session(0x0021)).is_ok_and(|p| p.l3 == 22));
    assert!(parse(&session(0xc021)) == Err(Refusal::NotIp));
    cut_everywhere(&session(0x0021));
}

#[test]
fn what_is_not_ip_is_named() {
    assert!(parse(&Frame::ethernet().be16(0x0806).with(&[0; 28])) == Err(Refusal::NotIp));
    assert!(parse(&Frame::ethernet().be16(0x0026).with(&[0x42; 38])) == Err(Refusal::Llc));
    assert!(parse(&Frame::ethernet()) == Err(Refusal::TruncatedLink));
}

#[test]
fn a_packet_without_link_header_tells_its_version() {
    let frame = tagged(0);
    let packet = from_ip(&frame.bytes()[14..], 0, Options::default()).ok().unwrap();
    assert!(packet.l3 == 0 && packet.key.ports() == (40_000, 443));
    assert!(from_ip(&[0x50_u8, 0][..], 0, Options::default()) == Err(Refusal::BadVersion));
    assert!(from_ip(&[][..], 0, Options::default()) == Err(Refusal::TruncatedIp));
}
