//! Fragments, in all orders.

use ndpi_common::Reason;
use testkit::frame::{ACK, TCP, Talk, UDP, V4, V6};

use super::{ANOTHER_FLOW, Blocked, Fate, Passes, Stray, Way, try_all, unparsable};
use crate::fragments::pieces;

/// The flows whose packets are taken apart.
const FLOWS: [Talk; 4] = [V4, V6, Talk { proto: UDP, ..V4 }, Talk { proto: UDP, ..V6 }];

/// Without its first fragment a datagram is never whole.
const USELESS: Fate = Stray;
/// It follows the datagram's first fragment, which belongs to another flow.
const FOLLOWS: Fate = Passes(Reason::Shown);

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
        let first = talk.fragment(0, true, &whole[..16]);
        let over_the_header = talk.fragment(8, true, &[6; 40]);
        let over_the_end = talk.fragment(24, false, &whole[24..]);
        let again = talk.fragment(0, true, &whole[..8]);
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
            talk.fragment(0, true, &whole[..24]),
            talk.with_port(9).fragment(0, true, &other[..24]),
        );
        let rest = talk.fragment(24, false, &whole[24..]);
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
        let stump = talk.fragment(0, true, &whole[..3]);
        let frames = vec![
            (stump, unparsable(Reason::TruncatedPorts)),
            (talk.fragment(0, true, &whole[..24]), Blocked),
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
                behind.fragment(0, true, &whole[..40]),
                behind.fragment(40, true, &whole[40..80]),
                // What a later fragment says of its protocol, nobody asks (RFC 8200).
                Talk { proto: UDP, ..V6 }.fragment(80, false, &whole[80..]),
            ],
            Blocked,
        ),
        // RFC 7112: the first fragment has to hold the whole chain; hosts drop it otherwise.
        Way {
            name: "a chain that goes on in the next fragment",
            talk: V6,
            frames: vec![
                (behind.fragment(0, true, &whole[..8]), unparsable(Reason::TruncatedExtension)),
                (behind.fragment(8, false, &whole[8..]), Stray),
            ],
        },
    ]);
}
