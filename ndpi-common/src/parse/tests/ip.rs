use super::build::{CLIENT_PORT, CLIENT_V4, Frame, SERVER_PORT, SYN, TCP, UDP};
use super::{cut_everywhere, parse, parse_with};
use crate::Direction;
use crate::parse::{Fragment, MAX_EXTENSIONS, Notes, Options, Refusal, from_ip};

const LENIENT: Options = Options::LENIENT;

#[test]
fn a_plain_syn() {
    let packet = parse(&Frame::ethernet().ipv4(TCP, &[], 20).tcp(SYN)).ok().unwrap();
    assert!(packet.key.ports() == (CLIENT_PORT, SERVER_PORT) && packet.key.proto() == TCP);
    assert!(packet.direction == Direction::FromLower && packet.ports() == (40_000, 443));
    assert!(packet.tcp_flags == SYN && !packet.has_payload() && packet.ip_len() == 40);
    assert!(packet.notes == Notes::NONE);
}

#[test]
fn padding_is_not_part_of_the_packet() {
    let packet = parse(&Frame::ethernet().ipv4(UDP, &[], 10).udp(53, 2).with(&[0; 22]));
    assert!(packet.is_ok_and(|p| p.ip_len() == 30 && p.payload + 2 == p.end));
}

#[test]
fn options_move_the_ports() {
    for words in 1..=10_u8 {
        let options = [1; 40];
        let options = &options[..usize::from(words) * 4];
        let frame = Frame::ethernet().ipv4(TCP, options, 20).tcp(SYN);
        let packet = parse(&frame).ok().unwrap();
        assert!(packet.key.ports() == (CLIENT_PORT, SERVER_PORT) && packet.notes == Notes::OPTIONS);
        cut_everywhere(&frame);
    }
}

#[test]
fn a_header_length_below_five_is_refused() {
    for words in 0..5 {
        let frame = Frame::ethernet().ipv4(TCP, &[], 20).tcp(SYN).patch(14, &[0x40 | words]);
        assert!(parse(&frame) == Err(Refusal::BadHeaderLength));
    }
    let frame = Frame::ethernet().ipv4(TCP, &[], 20).tcp(SYN).patch(14, &[0x65]);
    assert!(parse(&frame) == Err(Refusal::BadVersion));
}

#[test]
fn lengths_that_lie_are_refused_or_cut() {
    let frame = Frame::ethernet().ipv4(TCP, &[], 20).tcp(SYN);
    let with_length = |len: u16| frame.patch(16, &len.to_be_bytes());
    assert!(parse(&with_length(41)) == Err(Refusal::LengthTooLong));
    assert!(parse(&with_length(19)) == Err(Refusal::LengthTooShort));
    assert!(parse(&with_length(0)) == Err(Refusal::LengthZero));
    let cut = parse_with(&with_length(41), LENIENT).ok().unwrap();
    assert!(cut.end == frame.len() && cut.notes == Notes::CUT_LENGTH);
    let zero = parse_with(&with_length(0), LENIENT).ok().unwrap();
    assert!(zero.end == frame.len() && zero.notes == Notes::NO_LENGTH && zero.tcp_flags == SYN);
}

#[test]
fn ports_beyond_the_packet_are_not_ports() {
    for (proto, len) in [(TCP, 19), (UDP, 7)] {
        let frame = Frame::ethernet().ipv4(proto, &[], len).tcp(SYN);
        let packet = parse(&frame).ok().unwrap();
        assert!(packet.key.ports() == (0, 0) && packet.notes == Notes::TRUNCATED_PORTS);
        assert!(!packet.has_payload());
    }
}

#[test]
fn a_tiny_first_fragment_still_has_its_ports() {
    let frame = Frame::ethernet().ipv4(TCP, &[], 8).tcp(SYN).patch(20, &[0x20, 0]);
    let packet = parse(&frame).ok().unwrap();
    assert!(packet.ports() == (CLIENT_PORT, SERVER_PORT) && !packet.has_payload());
    assert!(packet.tcp_flags == 0 && packet.notes == Notes::NONE);
}

#[test]
fn a_data_offset_that_lies_leaves_no_payload() {
    let frame = Frame::ethernet().ipv4(TCP, &[], 24).tcp(SYN).with(b"abcd");
    assert!(parse(&frame).is_ok_and(|p| p.payload + 4 == p.end));
    for offset in [0x40, 0x70, 0xf0] {
        assert!(parse(&frame.patch(46, &[offset])).is_ok_and(|p| !p.has_payload()));
    }
}

#[test]
fn fragments_are_told_apart() {
    let frame = Frame::ethernet().ipv4(UDP, &[], 16).udp(53, 8).with(&[7; 8]);
    let id = 0xabcd;
    let first = parse(&frame.patch(20, &[0x20, 0])).ok().unwrap();
    assert!(first.fragment == Fragment::First { id } && first.ports() == (CLIENT_PORT, 53));
    for bits in [[0x20, 1], [0, 1], [0x1f, 0xff]] {
        let later = parse(&frame.patch(20, &bits)).ok().unwrap();
        assert!(later.fragment == Fragment::Later { id } && later.ports() == (0, 0));
        let joined = later.with_ports(CLIENT_PORT, 53);
        assert!(joined.key == first.key && joined.direction == first.direction);
    }
    assert!(
        parse(&frame.patch(20, &[0x40, 0]))
            .is_ok_and(|p| matches!(p.fragment, Fragment::Whole { .. }))
    );
}

#[test]
fn a_host_that_talks_to_itself_in_fragments() {
    let frame = Frame::ethernet().ipv4(UDP, &[], 16).udp(53, 8).with(&[7; 8]).patch(30, &CLIENT_V4);
    let first = parse(&frame.patch(20, &[0x20, 0])).ok().unwrap();
    let later = parse(&frame.patch(20, &[0, 1])).ok().unwrap().with_ports(CLIENT_PORT, 53);
    assert!(first.key == later.key && first.direction == later.direction);
    assert!(first.direction == Direction::FromUpper);
}

#[test]
fn extension_headers_are_stepped_over_up_to_the_bound() {
    let chain = |count: u8| {
        let mut frame = Frame::ethernet().ipv6(0, u16::from(count) * 8 + 20);
        for left in (0..count).rev() {
            frame = frame.with(&[if left == 0 { TCP } else { 60 }, 0, 1, 4, 0, 0, 0, 0]);
        }
        frame.tcp(SYN)
    };
    for count in 1..=8 {
        let packet = parse(&chain(count)).unwrap_or_else(|_| panic!("{count} headers"));
        assert!(packet.key.proto() == TCP && packet.key.ports() == (CLIENT_PORT, SERVER_PORT));
        assert!(packet.notes == Notes::OPTIONS && packet.l4 == 54 + 8 * u32::from(count));
        cut_everywhere(&chain(count));
    }
    assert!(MAX_EXTENSIONS == 8 && parse(&chain(9)) == Err(Refusal::TooManyExtensions));
}

#[test]
fn lengths_of_extension_headers() {
    // Routing, three units of 8; authentication, six words; destination; fragment without a rest.
    let frame = Frame::ethernet()
        .ipv6(43, 24 + 24 + 8 + 8 + 12)
        .with(&[51, 2, 0, 0])
        .with(&[0; 20])
        .with(&[60, 4])
        .with(&[0; 22])
        .with(&[44, 0, 0, 0, 0, 0, 0, 0])
        .with(&[UDP, 0, 0, 0, 1, 2, 3, 4])
        .udp(443, 4)
        .with(&[9; 4]);
    let packet = parse(&frame).ok().unwrap();
    assert!(
        packet.key.ports() == (CLIENT_PORT, 443)
            && matches!(packet.fragment, Fragment::Whole { .. })
    );
    assert!(packet.payload + 4 == packet.end);
    cut_everywhere(&frame);
}

#[test]
fn ipv6_fragments() {
    let id = 0x0102_0304;
    let frame = |bits: u16, payload: u16| {
        Frame::ethernet().ipv6(44, 8 + payload).with(&[UDP, 0]).be16(bits).with(&[1, 2, 3, 4])
    };
    let first = parse(&frame(1, 8).udp(53, 0)).ok().unwrap();
    assert!(first.fragment == Fragment::First { id } && first.ports() == (CLIENT_PORT, 53));
    let later = parse(&frame(8, 8).with(&[0; 8])).ok().unwrap();
    assert!(later.fragment == Fragment::Later { id } && later.key.proto() == UDP);
    assert!(later.with_ports(CLIENT_PORT, 53).key == first.key);
    // A later fragment that claims to go on with an extension header is not followed further.
    let odd = frame(8, 8).with(&[0; 8]).patch(54, &[60]);
    assert!(parse(&odd).is_ok_and(|p| p.key.proto() == 60 && p.ports() == (0, 0)));
}

#[test]
fn an_extension_header_beyond_the_packet_is_refused() {
    let frame = Frame::ethernet().ipv6(60, 28).with(&[TCP, 3, 0, 0, 0, 0, 0, 0]).tcp(SYN);
    assert!(parse(&frame) == Err(Refusal::TruncatedExtension));
    assert!(parse(&Frame::ethernet().ipv6(0, 0)) == Err(Refusal::TruncatedExtension));
    assert!(parse(&Frame::ethernet().ipv6(TCP, 21).tcp(SYN)) == Err(Refusal::LengthTooLong));
    assert!(parse(&Frame::ethernet().ipv6(59, 0)).is_ok_and(|p| p.key.proto() == 59));
}

#[test]
fn offsets_near_the_end_of_numbers_do_not_overflow() {
    assert!(from_ip(&[0x45_u8; 20][..], u32::MAX, Options::default()) == Err(Refusal::TruncatedIp));
}
