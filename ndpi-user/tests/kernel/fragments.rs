//! Fragments, in all orders.

use ndpi_common::parse::{self, Fragment, Options};
use ndpi_common::{
    Action, FragmentKey, FragmentPorts, Hook, Outcome, Reason, SampleFlags, StrayBudget, Switches,
};
use testkit::frame::{ACK, TCP, Talk, UDP, V4, V6, counted};

use crate::harness::{Answer, HOOKS, NOW, Settings, Shown, kernel, stay_on_this_cpu};

/// A datagram with `payload` in pieces of `size` bytes (a multiple of 8).
pub(crate) fn pieces(talk: Talk, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let whole = talk.transport(true, ACK, payload);
    let count = whole.len().div_ceil(size);
    whole
        .chunks(size)
        .enumerate()
        .map(|(at, piece)| talk.fragment(at * size, at + 1 < count, piece))
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
    for (switches, (outcome, reason), answer) in [
        (0, (Outcome::Passed, Reason::Shown), Answer::Pass),
        (
            Switches::DROP_UNKNOWN_FRAGMENTS,
            (Outcome::Dropped, Reason::FragmentUnknown),
            Answer::Drop,
        ),
    ] {
        let Some(mut kernel) = kernel(Settings::default()) else { return };
        kernel.switch(switches);
        for talk in [V4.udp(), V6.udp()] {
            kernel.decide(talk.key(), Action::Drop);
            let frames = pieces(talk, &[5; 600], 304);
            let unknown = (Hook::Xdp, outcome, reason, 1, counted(&frames[1]));
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
fn all_fragments_of_an_undecided_flow_are_shown_as_far_as_its_budget_goes() {
    let Some(mut kernel) = kernel(Settings { budget: 2, ..Settings::default() }) else { return };
    for talk in [V4.udp(), V6.udp(), V4, V6] {
        let frames = pieces(talk, &[5; 600], 208);
        let bytes: Vec<_> = frames.iter().map(|frame| counted(frame)).collect();
        let of = |reason, packets, bytes| (Hook::Tc, Outcome::Passed, reason, packets, bytes);
        let expected =
            [of(Reason::Shown, 2, bytes[0] + bytes[1]), of(Reason::OverBudget, 1, bytes[2])];
        kernel.expect(&expected, |kernel| {
            for frame in &frames {
                assert_eq!(kernel.run(Hook::Tc, frame), Answer::Pass);
            }
        });
        let shown = kernel.shown();
        let flags: Vec<_> = shown.iter().map(Shown::flags).collect();
        assert_eq!(flags, [SampleFlags::FIRST_FRAGMENT, 0]);
        assert!(shown.iter().all(|shown| shown.header.key() == Some(talk.key())));
        assert!(shown.iter().all(|shown| shown.header.flags & SampleFlags::EMPTY == 0));
        assert_eq!(kernel.track(talk.key()).expect("a track").total().packets, 3);
    }
}

#[test]
fn a_first_fragment_with_a_header_alone_is_not_taken_for_an_empty_packet() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.run(Hook::Xdp, &V4.fragment(0, true, &V4.transport(true, ACK, &[5; 100])[..20]));
    let shown = kernel.shown();
    assert_eq!(shown[0].header.flags & SampleFlags::EMPTY, 0, "user space may leave out such");
}

#[test]
fn nothing_is_put_together_of_protocols_that_ndpi_knows_by_number() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let talk = Talk { proto: 50, ..V4 };
    let (first, later) = (talk.fragment(0, true, &[5; 64]), talk.fragment(64, false, &[5; 64]));
    let of = |reason, frame: &[u8]| (Hook::Xdp, Outcome::Passed, reason, 1, counted(frame));
    kernel.expect(&[of(Reason::FragmentUnknown, &later)], |kernel| kernel.run(Hook::Xdp, &later));
    let both = [of(Reason::Shown, &first), of(Reason::LaterFragment, &later)];
    kernel.expect(&both, |kernel| {
        kernel.run(Hook::Xdp, &first);
        kernel.run(Hook::Xdp, &later);
    });
    assert_eq!(kernel.shown().len(), 1);
}

#[test]
fn a_fragment_whose_first_was_not_seen_is_shown_without_ports() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4.udp(), V6.udp()] {
        let later = pieces(talk, &[5; 600], 304).remove(1);
        assert_eq!(kernel.run(Hook::Xdp, &later), Answer::Pass);
        let shown = kernel.shown();
        assert_eq!((shown.len(), shown[0].flags()), (1, SampleFlags::STRAY));
        let key = shown[0].header.key().unwrap();
        assert_eq!(key.ports(), (0, 0));
        assert_eq!(shown[0].bytes, later[14..]);
        assert!(kernel.track(key).is_none(), "it opens no flow");
    }
}

#[test]
fn a_sender_has_a_share_of_those_that_are_shown_without_their_first() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    stay_on_this_cpu();
    let most = u64::from(StrayBudget::PER_SENDER);
    let later = |id: u8| {
        let mut frame = pieces(V4.udp(), &[5; 100], 64).remove(1);
        frame[18] = id;
        frame
    };
    for turn in 0..2 {
        for id in 0..100 {
            kernel.run(Hook::Xdp, &later(id));
        }
        let stats = kernel.stats();
        let passed = |reason| stats[&(Hook::Xdp as u8, Outcome::Passed as u8, reason)].0;
        assert_eq!(passed(Reason::Shown), most * (turn + 1));
        assert_eq!(passed(Reason::FragmentUnknown), (100 - most) * (turn + 1));
        assert_eq!(kernel.shown().len() as u64, most);
        kernel.set_tick(NOW + 1 + u32::try_from(turn).unwrap());
    }
}

#[test]
fn of_tcp_the_others_are_dropped_where_answers_are_held() {
    let settings = Settings { switches: Switches::HOLD, ..Settings::SMALL };
    let Some(mut kernel) = kernel(settings) else { return };
    stay_on_this_cpu();
    for (talk, turn, outcome) in [
        (V4, 0, Outcome::Dropped),
        (V6, 1, Outcome::Dropped),
        (V4.udp(), 2, Outcome::Passed),
        (V6.udp(), 3, Outcome::Passed),
    ] {
        kernel.set_tick(NOW + turn);
        let later = pieces(talk, &[5; 100], 64).remove(1);
        for _ in 0..StrayBudget::PER_SENDER {
            assert_eq!(kernel.run(Hook::Xdp, &later), Answer::Pass);
        }
        assert_eq!(kernel.shown().len() as u64, u64::from(StrayBudget::PER_SENDER));
        let drops = outcome == Outcome::Dropped;
        let reason = if drops { Reason::Held } else { Reason::FragmentUnknown };
        let answer = if drops { Answer::Drop } else { Answer::Pass };
        kernel.expect(&[(Hook::Xdp, outcome, reason, 1, counted(&later))], |kernel| {
            assert_eq!(kernel.run(Hook::Xdp, &later), answer);
        });
        assert!(kernel.shown().is_empty());
    }
}

#[test]
fn a_first_fragment_without_tcp_flags_is_held_to_the_setting() {
    for (switches, outcome, reason) in [
        (0, Outcome::Passed, Reason::Shown),
        (Switches::DROP_UNKNOWN_FRAGMENTS, Outcome::Dropped, Reason::FragmentUnknown),
    ] {
        let Some(mut kernel) = kernel(Settings { switches, ..Settings::default() }) else { return };
        for talk in [V4, V6] {
            let frames = pieces(talk, &[5; 100], 8);
            let of = (Hook::Xdp, outcome, reason, 1, counted(&frames[0]));
            kernel.expect(&[of], |kernel| kernel.run(Hook::Xdp, &frames[0]));
            // UDP has no flags.
            let frames = pieces(talk.udp(), &[5; 100], 8);
            let shown = (Hook::Xdp, Outcome::Passed, Reason::Shown, 1, counted(&frames[0]));
            kernel.expect(&[shown], |kernel| kernel.run(Hook::Xdp, &frames[0]));
            // A verdict comes first.
            kernel.decide(talk.key(), Action::Count);
            let frames = pieces(talk, &[5; 100], 8);
            let counted = (Hook::Xdp, Outcome::Passed, Reason::Count, 1, counted(&frames[0]));
            kernel.expect(&[counted], |kernel| kernel.run(Hook::Xdp, &frames[0]));
        }
    }
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
        let unknown = (Hook::Xdp, Outcome::Passed, Reason::Shown, 1, counted(&other));
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
