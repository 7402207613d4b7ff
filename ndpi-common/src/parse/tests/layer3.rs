use super::build::{Frame, SYN, TCP, UDP};
use crate::parse::{ETHERNET_LEN, Link, Refusal, ethertype, layer3};

/// A packet without anything before its IP header.
fn bare() -> Frame {
    Frame::ethernet().shortened(12)
}

fn found(frame: &Frame) -> Result<(u16, u32), Refusal> {
    layer3(frame.bytes()).map(|Link { ethertype, at, .. }| (ethertype, at))
}

const V4: Result<(u16, u32), Refusal> = Ok((ethertype::IPV4, 0));
const V6: Result<(u16, u32), Refusal> = Ok((ethertype::IPV6, 0));

/// With the checksum that its header needs.
fn summed(frame: &Frame) -> Frame {
    let words = usize::from(frame.bytes()[0] & 0x0f) * 2;
    let sum: u32 = frame.bytes()[..words * 2]
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    frame.patch(10, &(!u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()).to_be_bytes())
}

#[test]
fn a_packet_begins_with_its_ip_header() {
    assert!(found(&bare().bare_ipv4(TCP, &[], 20).tcp(SYN)) == V4);
    assert!(found(&bare().bare_ipv4(TCP, &[1; 8], 20).tcp(SYN)) == V4);
    assert!(found(&bare().bare_ipv6(UDP, 8).udp(53, 0)) == V6);
}

#[test]
fn a_rebuilt_ethernet_header_is_stepped_over() {
    // Also where the receiver's address begins like an IP header.
    for mac in [[0x02, 0, 0, 0], [0x4a, 0, 0, 25], [0x46, 0, 0, 30], [0x62, 0x12, 0x34, 0x56]] {
        let v4 = Frame::ethernet().ipv4(UDP, &[], 8).udp(53, 0).patch(0, &mac);
        assert!(found(&v4) == Ok((ethertype::IPV4, ETHERNET_LEN)), "{mac:x?}");
        let v6 = Frame::ethernet().ipv6(UDP, 8).udp(53, 0).patch(0, &mac).patch(4, &[0xff, 0]);
        assert!(found(&v6) == Ok((ethertype::IPV6, ETHERNET_LEN)), "{mac:x?}");
    }
}

#[test]
fn an_address_that_looks_like_an_ethertype_makes_no_frame() {
    // From 8.0.69.0, with an IP header of its own where one would be behind an Ethernet header.
    let source = [8, 0, 0x45, 0];
    let v4 = bare().bare_ipv4(UDP, &[], 28).udp(53, 20).with(&[0; 20]);
    assert!(found(&v4.patch(12, &source).patch(16, &[0, 30])) == V4);
    // The same with bytes behind the packet, and with options too.
    assert!(found(&v4.patch(12, &source).patch(16, &[0, 30]).with(&[0; 9])) == V4);
    let options = bare().bare_ipv4(UDP, &[1; 4], 28).udp(53, 20).with(&[0; 20]);
    let options = summed(&options.patch(12, &source).patch(16, &[0, 30]).with(&[0; 9]));
    assert!(found(&options) == V4);
    let v6 = bare().bare_ipv6(UDP, 28).udp(53, 20).with(&[0; 20]);
    for behind in [0, 9] {
        let v6 = v6.patch(12, &[8, 0, 0x45, 0, 0, 30]).with(&[0; 9][..behind]);
        assert!(found(&v6) == V6);
    }
}

#[test]
fn what_fits_nowhere_is_broken_ip_or_none() {
    let too_long = bare().bare_ipv4(UDP, &[], 600).udp(53, 0);
    assert!(found(&too_long) == V4, "to be counted for what is wrong with it");
    let too_long = bare().bare_ipv6(UDP, 600).udp(53, 0);
    assert!(found(&too_long) == V6);
    assert!(found(&bare().with(&[0x55; 40])) == Err(Refusal::BadVersion));
    let unknown = Frame::ethernet().be16(0x0806).with(&[0; 28]);
    assert!(found(&unknown) == Err(Refusal::BadVersion));
    assert!(found(&bare().with(&[0x45, 0, 0])) == Err(Refusal::TruncatedIp));
    let whole = Frame::ethernet().ipv4(UDP, &[], 8).udp(53, 0);
    for len in 0..whole.bytes().len() {
        // Whatever it says, it says something.
        let _ = layer3(&whole.bytes()[..len]);
    }
}
