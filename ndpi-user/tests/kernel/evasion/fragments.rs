//! Fragments, in all orders.

use ndpi_common::Reason;
use testkit::frame::{ACK, TCP, Talk, UDP, V4, V6};

use super::{ANOTHER_FLOW, Blocked, Fate, Passes, UNKNOWN_FRAGMENT, Way, try_all, unparsable};
use crate::fragments::pieces;

/// The flows whose packets are taken apart.
const FLOWS: [Talk; 4] = [V4, V6, Talk { proto: UDP, ..V4 }, Talk { proto: UDP, ..V6 }];

/// Without its first fragment a datagram is never whole.
const USELESS: Fate = UNKNOWN_FRAGMENT;
/// It follows the datagram's first fragment, which belongs to another flow.
const FOLLOWS: Fate = Passes(Reason::LaterFragment);

/// One fragment: `offset` bytes into a datagram, with more to follow or not.
fn fragment(talk: Talk, offset: usize, more: bool, bytes: &[u8]) -> Vec<u8> {
    if talk.v6 {
        let bits = u16::try_from(offset).unwrap() | u16::from(more);
        let [a, b] = bits.to_be_bytes();
        let header = [talk.proto, 0, a, b, 0, 0, 0, 77];
        talk.ipv6(true, 44, &[&header[..], bytes].concat())
    } else {
        let bits = u16::try_from(offset / 8).unwrap() | if more { 0x2000 } else { 0 };
        talk.ipv4(true, &[], bits, bytes)
    }
}

#[test]
fn no_order_makes_a_datagram_whole() {
    let mut ways = Vec::new();
    for talk in FLOWS {
        // 8 bytes: the first fragment has the ports and not the whole TCP header.
        for size in [8, 16, 24, 504] {
            let frames = pieces(talk, &[5; 1200], size);
            let (first, rest) = frames.split_first().unwrap();
            let last_first = rest.iter().rev().map(|frame| (frame.clone(), USELESS));
            let reversed = last_first.chain([(first.clone(), Blocked)]);
            // Sent once more, everything is known.
            let again = rest.iter().map(|frame| (frame.clone(), Blocked));
            let reversed = reversed.chain(again).collect();
            ways.push(Way { name: "the last first", talk, frames: reversed });
            ways.push(Way::all("in their order", talk, frames, Blocked));
        }
    }
    try_all(&ways);
}

#[test]
fn fragments_that_overlap_are_fragments_of_the_flow() {
    try_all(&FLOWS.map(|talk| {
        let whole = talk.transport(true, ACK, &[5; 100]);
        let first = fragment(talk, 0, true, &whole[..16]);
        let over_the_header = fragment(talk, 8, true, &[6; 40]);
        let over_the_end = fragment(talk, 24, false, &whole[24..]);
        let again = fragment(talk, 0, true, &whole[..8]);
        let frames = vec![first, over_the_header, over_the_end, again];
        Way::all("they overlap", talk, frames, Blocked)
    }));
}

#[test]
fn fragments_of_another_flow_do_not_lead_a_blocked_one_through() {
    try_all(&FLOWS.map(|talk| {
        let whole = talk.transport(true, ACK, &[5; 100]);
        let other = talk.with_port(9).transport(true, ACK, &[5; 100]);
        let (ours, theirs) = (
            fragment(talk, 0, true, &whole[..24]),
            fragment(talk.with_port(9), 0, true, &other[..24]),
        );
        let rest = fragment(talk, 24, false, &whole[24..]);
        // What passes is a whole datagram of the other flow, whose rest anybody may have written.
        let frames =
            vec![(theirs, ANOTHER_FLOW), (rest.clone(), FOLLOWS), (ours, Blocked), (rest, Blocked)];
        Way { name: "another flow's fragment first", talk, frames }
    }));
}

#[test]
fn first_fragments_without_ports_do_not_open_the_way() {
    try_all(&FLOWS.map(|talk| {
        let whole = talk.transport(true, ACK, &[5; 100]);
        let stump = fragment(talk, 0, true, &whole[..3]);
        let frames = vec![
            (stump, unparsable(Reason::TruncatedPorts)),
            (fragment(talk, 0, true, &whole[..24]), Blocked),
        ];
        Way { name: "three bytes first", talk, frames }
    }));
}

#[test]
fn chains_in_fragments_do_not_hide_a_flow() {
    let hello = V6.transport(true, ACK, &[5; 100]);
    let options =
        |next: u8, len: u8| [&[next, len / 8 - 1], &vec![0; usize::from(len) - 2][..]].concat();
    let behind = Talk { proto: 60, ..V6 };
    let whole = [options(TCP, 16), hello].concat();
    try_all(&[
        Way::all(
            "options behind the fragment header",
            V6,
            vec![
                fragment(behind, 0, true, &whole[..40]),
                fragment(behind, 40, true, &whole[40..80]),
                // What a later fragment says of its protocol, nobody asks (RFC 8200).
                fragment(Talk { proto: UDP, ..V6 }, 80, false, &whole[80..]),
            ],
            Blocked,
        ),
        // RFC 7112: the first fragment has to hold the whole chain; hosts drop it otherwise.
        Way {
            name: "a chain that goes on in the next fragment",
            talk: V6,
            frames: vec![
                (fragment(behind, 0, true, &whole[..8]), unparsable(Reason::TruncatedExtension)),
                (fragment(behind, 8, false, &whole[8..]), UNKNOWN_FRAGMENT),
            ],
        },
    ]);
}
