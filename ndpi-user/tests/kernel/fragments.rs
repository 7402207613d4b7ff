//! Fragments, in all orders.

use ndpi_common::parse::{self, Fragment, Options};
use ndpi_common::{
    Action, FragmentKey, FragmentPorts, Hook, Outcome, Reason, SampleFlags, Switches,
};
use testkit::frame::{ACK, TCP, Talk, UDP, V4, V6, counted};

use crate::harness::{Answer, HOOKS, Settings, kernel};

/// A datagram with `payload` in pieces of `size` bytes (a multiple of 8).
pub(crate) fn pieces(talk: Talk, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let whole = talk.transport(true, ACK, payload);
    let count = whole.len().div_ceil(size);
    whole
        .chunks(size)
        .enumerate()
        .map(|(at, piece)| {
            let more = at + 1 < count;
            if talk.v6 {
                let bits = u16::try_from(at * size).unwrap() | u16::from(more);
                let [a, b] = bits.to_be_bytes();
                let header = [talk.proto, 0, a, b, 0, 0, 0, 77];
                talk.ipv6(true, 44, &[&header[..], piece].concat())
            } else {
                let bits = u16::try_from(at * size / 8).unwrap() | if more { 0x2000 } else { 0 };
                talk.ipv4(true, &[], bits, piece)
            }
        })
        .collect()
}

#[test]
fn later_fragments_follow_the_first() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for hook in HOOKS {
        for talk in [V4.udp(), V6.udp(), V4, V6] {
            // 8 bytes: the TCP header itself is split.
            for size in [8, 64, 504] {
                let talk = talk.with_port(1000 + u16::try_from(size).unwrap());
                kernel.decide(talk.key(), Action::Drop);
                let frames = pieces(talk, &[5; 1200], size);
                for frame in &frames {
                    assert_eq!(kernel.run(hook, frame), Answer::Drop, "{size} at {hook:?}");
                }
                let counted: u64 = frames.iter().map(|frame| counted(frame)).sum();
                let verdict = kernel.verdict(talk.key());
                assert_eq!(verdict.lower().bytes, counted);
                assert_eq!(verdict.lower().packets, u64::try_from(frames.len()).unwrap());
            }
        }
    }
}

#[test]
fn a_later_fragment_that_comes_first_is_handled_as_the_setting_says() {
    for (switches, outcome, answer) in [
        (0, Outcome::Passed, Answer::Pass),
        (Switches::DROP_UNKNOWN_FRAGMENTS, Outcome::Dropped, Answer::Drop),
    ] {
        let Some(mut kernel) = kernel(Settings::default()) else { return };
        kernel.switch(switches);
        for talk in [V4.udp(), V6.udp()] {
            kernel.decide(talk.key(), Action::Drop);
            let frames = pieces(talk, &[5; 600], 304);
            let unknown = (Hook::Xdp, outcome, Reason::FragmentUnknown, 1, counted(&frames[1]));
            kernel.expect(&[unknown], |kernel| {
                assert_eq!(kernel.run(Hook::Xdp, &frames[1]), answer);
            });
            // The first fragment is blocked, so that the datagram never becomes whole.
            assert_eq!(kernel.run(Hook::Xdp, &frames[0]), Answer::Drop);
            // From then on the others are known, in any order.
            for frame in frames.iter().rev() {
                assert_eq!(kernel.run(Hook::Xdp, frame), Answer::Drop);
            }
        }
    }
}

#[test]
fn only_the_first_fragment_of_an_undecided_flow_is_shown() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4.udp(), V6.udp()] {
        let frames = pieces(talk, &[5; 600], 304);
        let of = |reason, frame: &[u8]| (Hook::Tc, Outcome::Passed, reason, 1, counted(frame));
        kernel.expect(
            &[of(Reason::Shown, &frames[0]), of(Reason::LaterFragment, &frames[1])],
            |kernel| {
                for frame in &frames {
                    assert_eq!(kernel.run(Hook::Tc, frame), Answer::Pass);
                }
            },
        );
        let shown = kernel.shown();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].header.flags, SampleFlags::FIRST_FRAGMENT);
        assert_eq!(shown[0].header.key(), Some(talk.key()));
    }
    assert_eq!(kernel.track(V4.udp().key()).expect("a track").total().packets, 2);
}

#[test]
fn fragments_of_different_datagrams_do_not_mix() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let frames = pieces(V4.udp(), &[5; 600], 304);
    kernel.decide(V4.udp().key(), Action::Drop);
    kernel.run(Hook::Xdp, &frames[0]);
    for (at, byte) in [(18, 0xff), (23, TCP), (26, 197)] {
        let mut other = frames[1].clone();
        other[at] = byte;
        let unknown = (Hook::Xdp, Outcome::Passed, Reason::FragmentUnknown, 1, counted(&other));
        kernel.expect(&[unknown], |kernel| kernel.run(Hook::Xdp, &other));
    }
    assert_eq!(frames[1][23], UDP);
}

#[test]
fn what_was_told_of_another_datagram_is_not_believed() {
    let settings = Settings { switches: Switches::DROP_UNKNOWN_FRAGMENTS, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    let frames = pieces(V4.udp(), &[5; 100], 64);
    let first = parse::frame(&&frames[0][..], Options::LENIENT).unwrap();
    let later = parse::frame(&&frames[1][..], Options::LENIENT).unwrap();
    let Fragment::Later { id } = later.fragment else { panic!("{later:?}") };
    let key = FragmentKey::new(&later.key, later.direction, id);
    let other = FragmentKey { id: id + 1, ..key };
    for (told_of, answer) in [(other, Answer::Drop), (key, Answer::Pass)] {
        kernel.set_fragment(key, FragmentPorts::of(&first, &told_of));
        assert_eq!(kernel.run(Hook::Xdp, &frames[1]), answer);
    }
}
