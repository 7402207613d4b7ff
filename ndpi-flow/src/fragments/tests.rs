//! Datagrams in fragments, as nDPI is to be given them.

use ndpi_common::Direction;
use proptest::prelude::*;
use testkit::frame::{ACK, Talk, V4, V6};

use super::store::{Fragments, Taken};
use super::{Piece, Whole};
use crate::key::FlowKey;
use crate::sample::Sample;

const SECOND: u64 = 1_000_000_000;
/// What stands before the IP header in frames.
const LINK: usize = 14;

/// What the client of `talk` sends with this payload: whole, and its bytes behind IP.
fn datagram(talk: Talk, payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (talk.out(ACK, payload)[LINK..].to_vec(), talk.transport(true, ACK, payload))
}

fn fragment(talk: Talk, whole: &[u8], start: usize, end: usize) -> Vec<u8> {
    talk.fragment(start, end < whole.len(), &whole[start..end])[LINK..].to_vec()
}

/// The flow of `talk`, and which way its client sends.
fn sample(talk: Talk, l3: &[u8]) -> Sample<'_> {
    let key = talk.key();
    let is_lower = key.ports().0 == testkit::frame::CLIENT_PORT;
    let direction = if is_lower { Direction::FromLower } else { Direction::FromUpper };
    Sample::new(key, direction, SECOND, l3)
}

/// The same as the kernel shows it that knows no flow of it.
fn stray(talk: Talk, l3: &[u8]) -> Sample<'_> {
    let key = match talk.key() {
        FlowKey::V4(key) => FlowKey::V4(ndpi_common::KeyV4 { lower_port: 0, upper_port: 0, ..key }),
        FlowKey::V6(key) => {
            FlowKey::V6(ndpi_common::KeyV6 { lower_port: 0, upper_port: 0, proto: 99, ..key })
        }
        FlowKey::Tenant(_) => unreachable!("no conversation is a tenant's"),
    };
    Sample { key, stray: true, ..sample(talk, l3) }
}

fn take(fragments: &Fragments, sample: &Sample) -> Taken {
    fragments.take(sample, &Piece::of(sample.l3).expect("a fragment"))
}

/// What makes no difference between a datagram that was put together and one that was sent whole: the lengths and the
/// checksum of the header may differ.
fn same(put_together: &[u8], whole: &[u8], talk: Talk) -> bool {
    let (mut one, mut other) = (put_together.to_vec(), whole.to_vec());
    if !talk.v6 {
        for packet in [&mut one, &mut other] {
            // What is sent whole may say that it is not to be taken apart.
            packet[6] &= !0x40;
            packet[10..12].fill(0);
        }
    }
    one == other
}

fn talks() -> impl Strategy<Value = Talk> {
    prop::sample::select(vec![V4, V6, V4.udp(), V6.udp()])
}

/// A payload, where it is cut, and fragments by their number in the order in which they come: each at least once.
fn ways() -> impl Strategy<Value = (Vec<u8>, Vec<usize>, Vec<usize>)> {
    (prop::collection::vec(any::<u8>(), 40..1500), prop::collection::btree_set(1..6_usize, 1..6))
        .prop_flat_map(|(payload, cuts)| {
            let cuts: Vec<_> = cuts.into_iter().map(|cut| cut * 8).collect();
            let count = cuts.len() + 1;
            let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
            let copies = prop::collection::vec((0..count, 0..=count), 0..4);
            (Just(payload), Just(cuts), order, copies).prop_map(
                |(payload, cuts, mut order, copies)| {
                    for (number, at) in copies {
                        order.insert(at.min(order.len()), number);
                    }
                    (payload, cuts, order)
                },
            )
        })
}

proptest! {
    /// Any split, order and repetition gives the datagram once it is whole, whoever was shown which fragment.
    #[test]
    fn whatever_becomes_whole_is_what_was_sent(
        talk in talks(),
        (payload, cuts, order) in ways(),
        strays: u64,
    ) {
        let (whole, bytes) = datagram(talk, &payload);
        let ends: Vec<_> = [&[0][..], &cuts, &[bytes.len()]].concat();
        let pieces: Vec<_> =
            ends.windows(2).map(|ends| fragment(talk, &bytes, ends[0], ends[1])).collect();
        let fragments = Fragments::default();
        let (mut missing, mut found) = ((0..pieces.len()).collect::<Vec<_>>(), None);
        for (turn, number) in order.iter().enumerate() {
            // The first says which flow it is.
            let is_stray = *number > 0 && strays >> turn & 1 == 1;
            let sample = if is_stray { stray } else { sample };
            let taken = take(&fragments, &sample(talk, &pieces[*number]));
            missing.retain(|other| other != number);
            let left = fragments.take_whole(|key| *key == talk.key()).pop();
            let now = match taken {
                Taken::Whole(l3, _) => Some(l3),
                _ => left.map(|whole: Whole| whole.l3),
            };
            prop_assert_eq!(now.is_some(), missing.is_empty() && found.is_none());
            found = found.or(now);
            if missing.is_empty() {
                break;
            }
        }
        prop_assert!(same(&found.unwrap(), &whole, talk));
        prop_assert_eq!(fragments.kept(), 0);
    }

    /// Whatever comes, nothing panics, and what is kept stays within bounds.
    #[test]
    fn junk_is_borne(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..40)) {
        let fragments = Fragments::default();
        for l3 in packets {
            if let Some(piece) = Piece::of(&l3) {
                fragments.take(&sample(V4, &l3), &piece);
            }
        }
        prop_assert!(fragments.kept() <= 16 * super::datagram::MOST_KEPT);
    }
}

#[test]
fn a_header_that_is_too_short_for_its_fields_is_of_no_fragment() {
    let whole = V4.udp().fragment(8, true, &[1; 8])[LINK..].to_vec();
    assert!(Piece::of(&whole).is_some());
    for words in 0..5 {
        let l3 = [&[0x40 | words], &whole[1..]].concat();
        assert_eq!(Piece::of(&l3), None, "{words} words");
    }
}

#[test]
fn a_copy_is_not_read_and_told_apart_from_what_overlaps() {
    for talk in [V4, V6] {
        let (_, bytes) = datagram(talk, &[5; 100]);
        let other = [6; 200];
        let fragments = Fragments::default();
        let take = |bytes: &[u8], start, end| {
            take(&fragments, &sample(talk, &talk.fragment(start, true, &bytes[start..end])[LINK..]))
        };
        assert!(matches!(take(&bytes, 0, 48), Taken::Waits));
        assert!(matches!(take(&bytes, 8, 24), Taken::Waits), "the same bytes again");
        assert!(matches!(take(&other, 24, 48), Taken::Differs));
        assert!(matches!(take(&bytes, 40, 56), Taken::Overlaps));
        // Another datagram of the same number begins.
        assert!(matches!(take(&bytes, 40, 56), Taken::Waits));
        assert!(matches!(take(&bytes, 32, 48), Taken::Overlaps));
        assert_eq!(fragments.kept(), 0);
    }
}

#[test]
fn an_end_that_contradicts_another_discards_the_datagram() {
    let (_, bytes) = datagram(V4, &[5; 100]);
    let take_all = |ways: &[(usize, usize, bool)]| {
        let fragments = Fragments::default();
        let take = |&(start, end, more): &(usize, usize, bool)| {
            take(&fragments, &sample(V4, &V4.fragment(start, more, &bytes[start..end])[LINK..]))
        };
        ways.iter().map(take).last().unwrap()
    };
    assert!(matches!(take_all(&[(24, 48, false), (48, 56, true)]), Taken::Discarded));
    assert!(matches!(take_all(&[(24, 48, true), (16, 24, false)]), Taken::Discarded));
    assert!(matches!(take_all(&[(24, 48, false), (0, 24, true)]), Taken::Whole(..)));
}

#[test]
fn a_long_datagram_is_given_as_far_as_it_is_kept() {
    let (whole, bytes) = datagram(V4.udp(), &[7; 6000]);
    let fragments = Fragments::default();
    let ends = [0, 1480, 2960, 4440, bytes.len()];
    let takes = ends.windows(2).map(|ends| {
        let l3 = fragment(V4.udp(), &bytes, ends[0], ends[1]);
        take(&fragments, &sample(V4.udp(), &l3))
    });
    let Some(Taken::Whole(l3, true)) = takes.last() else { panic!("it is whole, and cut") };
    assert_eq!(l3.len(), 20 + super::datagram::MOST_KEPT);
    assert_eq!(l3[20..], whole[20..l3.len()]);
}

#[test]
fn a_datagram_is_waited_for_as_long_as_linux_does() {
    let (_, bytes) = datagram(V4, &[5; 100]);
    for (later, is_whole) in [(29, true), (31, false)] {
        let fragments = Fragments::default();
        take(&fragments, &sample(V4, &fragment(V4, &bytes, 0, 24)));
        let rest = fragment(V4, &bytes, 24, bytes.len());
        let rest = Sample { clock_ns: SECOND * (1 + later), ..sample(V4, &rest) };
        assert_eq!(matches!(take(&fragments, &rest), Taken::Whole(..)), is_whole, "{later} s");
    }
}

/// Who sends fragments of which nothing comes displaces his own, and keeps no more than his places.
#[test]
fn a_flood_displaces_only_its_senders() {
    let (_, bytes) = datagram(V4, &[5; 100]);
    let fragments = Fragments::default();
    let first = fragment(V4, &bytes, 0, 24);
    take(&fragments, &sample(V4, &first));
    let before = fragments.kept();
    // From the other end: another sender, though one of the same group in some runs.
    for id in 0..200_u16 {
        let mut l3 = first.clone();
        l3[4..6].copy_from_slice(&id.to_be_bytes());
        let back = sample(V4, &l3);
        take(&fragments, &Sample { direction: back.direction.opposite(), ..back });
    }
    assert!(fragments.kept() <= before + 16 * before);
}

#[test]
fn what_was_never_whole_is_given_as_far_as_it_came() {
    let (whole, bytes) = datagram(V6.udp(), &[5; 600]);
    let fragments = Fragments::default();
    for (start, end) in [(0, 304), (400, 504)] {
        take(&fragments, &sample(V6.udp(), &fragment(V6.udp(), &bytes, start, end)));
    }
    let rest = fragments.take_rest(&V6.udp().key());
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0][40..], whole[40..40 + 304]);
    assert!(fragments.take_rest(&V6.udp().key()).is_empty(), "it is forgotten");
    assert_eq!(fragments.kept(), 0);
}

#[test]
fn what_is_no_fragment_is_none() {
    for talk in [V4, V6] {
        assert_eq!(Piece::of(&talk.out(ACK, b"hello")[LINK..]), None);
    }
    assert_eq!(Piece::of(&[]), None);
    // RFC 6946: a fragment header with nothing before and behind makes no fragment.
    assert_eq!(Piece::of(&V6.fragment(0, false, &[5; 40])[LINK..]), None);
    // A fragment of nothing.
    assert_eq!(Piece::of(&V4.fragment(8, true, &[])[LINK..]), None);
}
