//! Packets built and answers read by an independent implementation.

mod build;
mod read;

use std::net::{IpAddr, SocketAddr};

use build::{Fate, Packet, V4, V6};
use ndpi_common::REJECT_MARK;
use ndpi_flow::Sample;
use proptest::prelude::*;
use read::{Reset, Unreachable};

use super::{Unanswerable, answers};

const CLIENT: u16 = 40000;
const SERVER: u16 = 443;

fn answer(packet: &Packet, fate: Fate) -> Result<Vec<super::Answer>, Unanswerable> {
    answers(&packet.sample(fate))
}

/// The resets for the sender and for the receiver of a segment.
fn resets(packet: &Packet, fate: Fate) -> Vec<Reset> {
    answer(packet, fate).unwrap().iter().map(Reset::read).collect()
}

#[test]
fn a_segment_that_passed_resets_both_ends() {
    for ends in [V4, V6] {
        let packet = Packet::tcp(ends, |tcp| {
            (tcp.sequence_number, tcp.acknowledgment_number, tcp.ack) = (1000, 77, true);
        });
        let [to_sender, to_receiver] = &resets(&packet.with_payload(200), Fate::Passed)[..] else {
            panic!("two resets")
        };
        assert_eq!((to_sender.source, to_sender.destination), (ends.server(), ends.client()));
        assert_eq!((to_sender.source_port, to_sender.destination_port), (SERVER, CLIENT));
        assert_eq!((to_sender.seq, to_sender.ack), (77, None));
        assert_eq!((to_receiver.source, to_receiver.destination), (ends.client(), ends.server()));
        assert_eq!((to_receiver.source_port, to_receiver.destination_port), (CLIENT, SERVER));
        assert_eq!((to_receiver.seq, to_receiver.ack), (1200, Some(77)));
    }
}

#[test]
fn what_the_kernel_dropped_never_reached_the_receiver() {
    let packet = Packet::tcp(V4, |tcp| (tcp.sequence_number, tcp.ack) = (1000, true));
    assert_eq!(resets(&packet.with_payload(200), Fate::Dropped)[1].seq, 1000);
}

#[test]
fn the_opening_is_refused_by_acknowledging_it() {
    let syn = Packet::tcp(V4, |tcp| (tcp.sequence_number, tcp.syn) = (u32::MAX, true));
    let [to_sender, to_receiver] = resets(&syn, Fate::Passed)[..] else { panic!("two resets") };
    assert_eq!((to_sender.seq, to_sender.ack), (0, Some(0)));
    assert_eq!((to_receiver.seq, to_receiver.ack), (0, None));
    let dropped = resets(&syn, Fate::Dropped);
    assert_eq!(dropped, [to_sender], "the receiver has never heard of it");
}

#[test]
fn a_client_that_waits_for_the_servers_syn_believes_the_reset() {
    let accept = Packet::tcp(V6, |tcp| {
        (tcp.syn, tcp.ack) = (true, true);
        (tcp.sequence_number, tcp.acknowledgment_number) = (500, 1001);
    });
    let dropped = resets(&accept, Fate::Dropped);
    assert_eq!((dropped[1].seq, dropped[1].ack), (500, Some(1001)));
    assert_eq!(resets(&accept, Fate::Passed)[1].seq, 501);
}

#[test]
fn all_segments_of_a_large_packet_count_however_much_was_captured() {
    let packet = Packet::tcp(V6, |tcp| (tcp.sequence_number, tcp.ack) = (1000, true));
    let headers = packet.bytes.len();
    let mut large = packet.with_payload(1400);
    (large.packets, large.wire_bytes) = (10, 10 * (headers + 1400));
    assert_eq!(resets(&large, Fate::Passed)[1].seq, 15_000);
    large.bytes.truncate(headers);
    assert_eq!(resets(&large, Fate::Passed)[1].seq, 15_000);
}

#[test]
fn options_and_extension_headers_are_stepped_over() {
    let tcp = |ends| Packet::tcp(ends, |tcp| tcp.ack = true).with_payload(9);
    for packet in [tcp(V4).with_ipv4_options(), tcp(V6).with_ipv6_extensions()] {
        let [to_sender, to_receiver] = resets(&packet, Fate::Passed)[..] else { panic!("resets") };
        assert_eq!((to_sender.source_port, to_receiver.seq), (SERVER, 9));
    }
}

#[test]
fn the_class_of_service_stays_and_congestion_bits_go() {
    let packet = Packet::tcp(V6, |tcp| tcp.ack = true).with_class(0xb8 | 3, 0xabcde);
    let [to_sender, to_receiver] = resets(&packet, Fate::Passed)[..] else { panic!("resets") };
    assert_eq!((to_sender.traffic_class, to_receiver.traffic_class), (0xb8, 0xb8));
    assert_eq!((to_sender.flow_label, to_receiver.flow_label), (0, 0xabcde));
    let packet = Packet::tcp(V4, |tcp| tcp.ack = true).with_class(0x28 | 1, 0);
    assert_eq!(resets(&packet, Fate::Passed)[0].traffic_class, 0x28);
}

#[test]
fn a_fragmented_segment_resets_only_whom_it_can() {
    let packet = Packet::tcp(V4, |tcp| tcp.ack = true).with_payload(64);
    let first = packet.clone().with_fragment(0, true);
    assert_eq!(resets(&first, Fate::Passed).len(), 1);
    assert_eq!(resets(&first, Fate::Dropped).len(), 2);
    let later = packet.with_fragment(8, false);
    assert_eq!(answer(&later, Fate::Passed), Err(Unanswerable::LaterFragment));
}

#[test]
fn what_was_inside_a_tunnel_is_not_answered() {
    let packet = Packet::udp(V4);
    let inside = Sample { tunneled: true, ..packet.sample(Fate::Passed) };
    assert_eq!(answers(&inside), Err(Unanswerable::Tunneled));
}

#[test]
fn a_reset_is_not_answered() {
    let reset = Packet::tcp(V4, |tcp| (tcp.rst, tcp.ack) = (true, true));
    assert_eq!(answer(&reset, Fate::Dropped), Err(Unanswerable::Reset));
}

#[test]
fn the_sender_of_a_datagram_hears_that_it_is_prohibited() {
    for (ends, kind, longest) in [(V4, (3, 13), 576), (V6, (1, 1), 1280)] {
        for payload in [0, 1, 100, 9000] {
            let packet = Packet::udp(ends).with_payload(payload);
            let [answer] = &answer(&packet, Fate::Dropped).unwrap()[..] else { panic!("one") };
            let error = Unreachable::read(answer);
            assert_eq!((error.source, error.destination), (ends.server(), ends.client()));
            assert_eq!((error.kind, error.code), kind);
            assert!(answer.packet.len() == longest || error.quoted == packet.bytes);
            assert!(answer.packet.len() <= longest && packet.bytes.starts_with(&error.quoted));
        }
    }
}

#[test]
fn errors_over_ipv4_travel_as_internetwork_control() {
    let answers = answer(&Packet::udp(V4), Fate::Passed).unwrap();
    assert_eq!(answers[0].packet[1], 0xc0);
}

#[test]
fn the_quoted_header_of_a_shortened_packet_is_consistent() {
    let mut packet = Packet::udp(V4).with_payload(3600);
    let length = ndpi_flow::fit(&mut packet.bytes, 1200);
    packet.bytes.truncate(length);
    (packet.packets, packet.wire_bytes) = (3, 3 * 1228);
    let error = Unreachable::read(&answer(&packet, Fate::Passed).unwrap()[0]);
    read::assert_header_checksum(&error.quoted);
}

#[test]
fn pings_are_answered_and_errors_never() {
    for (ends, answered, silent) in [
        (V4, &[0, 8, 13, 14, 42][..], &[3, 4, 5, 9, 10, 11, 12, 40, 255][..]),
        (V6, &[128, 129, 160][..], &[1, 2, 3, 4, 100, 127, 130, 133, 134, 135, 136, 137, 143][..]),
    ] {
        for &kind in answered {
            assert_eq!(answer(&Packet::icmp(ends, kind), Fate::Passed).unwrap().len(), 1, "{kind}");
        }
        for &kind in silent {
            let notified = answer(&Packet::icmp(ends, kind), Fate::Passed);
            assert_eq!(notified, Err(Unanswerable::Icmp), "type {kind}");
        }
    }
}

#[test]
fn only_single_hosts_are_answered() {
    let odd = [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "ff02::fb",
        "ff0e::1",
    ];
    for address in odd.map(|address| address.parse::<IpAddr>().unwrap()) {
        let ends = if address.is_ipv4() { V4 } else { V6 };
        for packet in [Packet::udp(ends), Packet::tcp(ends, |tcp| tcp.ack = true)] {
            let from = answer(&packet.clone().with_source(address), Fate::Passed);
            assert_eq!(from, Err(Unanswerable::Address), "from {address}");
            let to = answer(&packet.with_destination(address), Fate::Passed);
            assert_eq!(to, Err(Unanswerable::Address), "to {address}");
        }
    }
}

#[test]
fn a_link_local_end_is_notified_on_its_link() {
    let packet = Packet::udp(V6).with_source("fe80::2".parse().unwrap());
    let to = answer(&packet, Fate::Passed).unwrap()[0].to;
    assert!(matches!(to, SocketAddr::V6(to) if to.scope_id() == build::IFINDEX), "{to}");
    let to = answer(&Packet::udp(V6), Fate::Passed).unwrap()[0].to;
    assert!(matches!(to, SocketAddr::V6(to) if to.scope_id() == 0), "{to}");
}

#[test]
fn the_mark_stays_clear_of_other_softwares_bits() {
    assert_eq!(REJECT_MARK & (0xc000 | 0x0f00 | 0xffff_0000), 0);
}

proptest! {
    #[test]
    fn a_reset_hits_exactly(
        (seq, ack, payload) in (any::<u32>(), any::<u32>(), 0..3000_usize),
        (syn, fin, acks, v6) in any::<(bool, bool, bool, bool)>(),
        cut in 0..3000_usize,
    ) {
        let packet = Packet::tcp(if v6 { V6 } else { V4 }, |tcp| {
            (tcp.sequence_number, tcp.acknowledgment_number) = (seq, ack);
            (tcp.syn, tcp.fin, tcp.ack) = (syn, fin, acks);
        });
        let headers = packet.bytes.len();
        let mut packet = packet.with_payload(payload);
        packet.bytes.truncate(headers + cut);
        let next = seq
            .wrapping_add(u32::try_from(payload).unwrap())
            .wrapping_add(u32::from(syn) + u32::from(fin));
        for (fate, expected) in [(Fate::Passed, next), (Fate::Dropped, seq)] {
            let resets = resets(&packet, fate);
            let to_sender = if acks { (ack, None) } else { (0, Some(next)) };
            prop_assert_eq!((resets[0].seq, resets[0].ack), to_sender);
            if fate == Fate::Passed || acks || !syn {
                let to_receiver = (expected, acks.then_some(ack));
                prop_assert_eq!((resets[1].seq, resets[1].ack), to_receiver);
            }
        }
    }

    #[test]
    fn whatever_comes_answers_are_sound_and_are_not_answered(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        version in prop::sample::select(vec![4_u8, 6]),
        proto in prop::sample::select(vec![1_u8, 6, 17, 44, 47, 50, 58, 132]),
        (wire_bytes, packets) in (any::<u32>(), any::<u32>()),
        dropped in any::<bool>(),
    ) {
        let packet = Packet::odd(bytes, version, proto);
        let fate = if dropped { Fate::Dropped } else { Fate::Passed };
        let sample = Sample { bytes: wire_bytes, packets, ..packet.sample(fate) };
        for answer in answers(&sample).unwrap_or_default() {
            read::assert_sound(&answer);
            let again = Packet { wire_bytes: answer.packet.len(), packets: 1, bytes: answer.packet };
            prop_assert!(answers(&again.sample(fate)).is_err());
        }
    }
}
