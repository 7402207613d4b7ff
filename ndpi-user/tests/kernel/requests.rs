//! Packets of decided flows that may bring another request are shown.

use ndpi_common::{Action, Direction, Hook, RequestWatch, SampleFlags, State, VerdictEntry};
use testkit::frame::{ACK, SYN, Talk, V4, V6};

use crate::harness::{Answer, HOOKS, Kernel, NOW, Settings, kernel};

/// The next sequence number of interest.
const FROM: u32 = u32::MAX - 1;

/// Decides a flow whose client is watched; every frame of `testkit` that goes out is the lower end's.
fn watch(kernel: &mut Kernel, talk: Talk, action: Action) {
    let (last_seen, watch) = (NOW, 9);
    let (action, state) = (action as u8, State::WATCHED);
    kernel.set_verdict(
        talk.key(),
        VerdictEntry { action, state, last_seen, watch, ..VerdictEntry::default() },
    );
    let client = Direction::FromLower as u32;
    kernel.set_watch(watch, RequestWatch { from: FROM, client, ..RequestWatch::default() });
}

#[test]
fn what_reaches_the_next_request_is_shown_and_passes() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4, V6, V4.in_vlan(5), V6.in_vlan(5)] {
        for hook in HOOKS {
            kernel.forget();
            watch(&mut kernel, talk, Action::Count);
            let mut is_shown = |out, flags, sequence, data: &[u8]| {
                let frame = talk.segment(out, flags, [sequence, 5], data);
                assert_eq!(kernel.run(hook, &frame), Answer::Pass);
                let shown = kernel.shown();
                for sample in &shown {
                    assert_eq!(sample.header.flags & SampleFlags::WATCHED, SampleFlags::WATCHED);
                    assert!(sample.bytes.ends_with(data));
                }
                !shown.is_empty()
            };
            assert!(is_shown(true, ACK, FROM, b"G"), "begins there");
            assert!(is_shown(true, ACK, FROM - 3, b"....GET"), "reaches it");
            assert!(is_shown(true, ACK, FROM.wrapping_add(1000), b"T"), "is beyond it");
            assert!(!is_shown(true, ACK, FROM - 3, b"..."), "ends before it");
            assert!(!is_shown(true, ACK, FROM, b""), "brings nothing");
            assert!(!is_shown(false, ACK, FROM, b"HTTP/1.1 200"), "is the server's");
            assert!(!is_shown(true, SYN, FROM, b""), "opens");
            let entry = kernel.verdict(talk.key());
            assert!(entry.lower().packets >= 5 && entry.upper().packets == 1, "all are counted");
        }
    }
}

#[test]
fn what_is_blocked_or_not_watched_is_not_shown() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    let frame = V4.segment(true, ACK, [FROM, 5], b"GET");
    watch(&mut kernel, V4, Action::Drop);
    assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Drop);
    assert!(kernel.shown().is_empty());
    for action in [Action::Count, Action::Bypass] {
        watch(&mut kernel, V4, action);
        kernel.run(Hook::Xdp, &frame);
        assert_eq!(kernel.shown().len(), 1);
        kernel.end_watch(9);
        assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
        assert!(kernel.shown().is_empty(), "its watch is gone");
    }
    kernel.decide(V4.key(), Action::Count);
    kernel.run(Hook::Xdp, &frame);
    assert!(kernel.shown().is_empty());
}

#[test]
fn a_client_has_so_many_packets_shown_in_a_tick() {
    let Some(mut kernel) = kernel(Settings { ring_bytes: 1 << 17, ..Settings::default() }) else {
        return;
    };
    watch(&mut kernel, V4, Action::Count);
    let frame = V4.segment(true, ACK, [FROM, 5], b"GET");
    let most = RequestWatch::PER_TICK as usize;
    for tick in [NOW, NOW + 1] {
        kernel.set_tick(tick);
        for _ in 0..most + 7 {
            assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
        }
        assert_eq!(kernel.shown().len(), most);
    }
    assert_eq!(kernel.watch(9).missed, 14);
}

#[test]
fn what_a_full_ring_has_no_room_for_is_counted() {
    let Some(mut kernel) = kernel(Settings { ring_bytes: 4096, ..Settings::default() }) else {
        return;
    };
    watch(&mut kernel, V4, Action::Count);
    let frame = V4.segment(true, ACK, [FROM, 5], &[b'x'; 900]);
    for _ in 0..10 {
        assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
    }
    let missed = kernel.watch(9).missed as usize;
    assert_eq!(kernel.shown().len() + missed, 10);
    assert!(missed > 0);
}
