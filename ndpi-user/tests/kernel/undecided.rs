//! Flows without a verdict.

use ndpi_common::reopen::Place;
use ndpi_common::{
    Action, Hook, Outcome, Reason, SampleFlags, SampleHeader, Switches, Total, TrackNotes,
};
use testkit::frame::{ACK, SYN, Talk, V4, V6, counted};

use crate::fragments::pieces;
use crate::harness::{Answer, HOOKS, IDLE, Kernel, NOW, Settings, kernel, stay_on_this_cpu};

/// The index of `lo`, on which test runs have their packets come by.
const LOOPBACK: u32 = 1;

fn passed(hook: Hook, reason: Reason, frame: &[u8]) -> (Hook, Outcome, Reason, u64, u64) {
    (hook, Outcome::Passed, reason, 1, counted(frame))
}

#[test]
fn a_flow_is_shown_up_to_its_budget() {
    let Some(mut kernel) = kernel(Settings { budget: 3, ..Settings::default() }) else { return };
    for hook in HOOKS {
        for talk in [V4.with_port(1 + hook as u16), V6.with_port(1 + hook as u16)] {
            for number in 1..=5 {
                let frame =
                    if number % 2 == 1 { talk.out(ACK, b"ping") } else { talk.back(ACK, b"pong") };
                let reason = if number <= 3 { Reason::Shown } else { Reason::OverBudget };
                kernel.expect(&[passed(hook, reason, &frame)], |kernel| {
                    assert_eq!(kernel.run(hook, &frame), Answer::Pass);
                });
                check_shown(&mut kernel, hook, talk, number, &frame);
            }
        }
    }
    let track = kernel.track(V4.with_port(1).key()).expect("a track");
    let sent = |packets| Total { packets, bytes: packets * 44 };
    assert_eq!((track.shown, track.sent), (3, [sent(3), sent(2)]));
    let marks = TrackNotes::PAYLOAD | TrackNotes::INGRESS_LOWER | TrackNotes::INGRESS_UPPER;
    let opened = TrackNotes::opened_at(Place::new(LOOPBACK, Hook::Xdp));
    assert_eq!((track.last_seen, track.tcp_flags), (NOW, u32::from(ACK) | marks | opened));
}

fn check_shown(kernel: &mut Kernel, hook: Hook, talk: Talk, number: u32, frame: &[u8]) {
    let shown = kernel.shown();
    assert_eq!(shown.len(), usize::from(number <= 3));
    let Some(sample) = shown.first() else { return };
    let header = &sample.header;
    assert_eq!(sample.bytes, frame[14..]);
    assert_eq!(header.key(), Some(talk.key()));
    assert_eq!((header.hook(), header.number, header.tcp_flags), (hook, number, ACK));
    assert_eq!(header.direction() as u32, 1 - number % 2);
    // No SYN came.
    let flags = SampleFlags::UNDER_WAY;
    assert_eq!((header.segments, header.segment_size, header.flags), (1, 0, flags));
    assert_eq!(u64::from(header.wire_bytes), counted(frame));
    assert!(header.ktime_ns > 0);
}

#[test]
fn every_size_of_packet_is_shown_whole() {
    let Some(mut kernel) = kernel(Settings { ring_bytes: 1 << 20, ..Settings::default() }) else {
        return;
    };
    let mut port = 1;
    for size in [0, 1, 39, 40, 41, 200, 201, 520, 521, 984, 985, 1480, 1481, 3400, 8960] {
        let payload: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for talk in [V4, V6] {
            port += 1;
            let frame = talk.with_port(port).out(ACK, &payload);
            kernel.run(Hook::Xdp, &frame);
            let shown = kernel.shown();
            assert_eq!(shown.len(), 1, "{size} bytes");
            assert_eq!(shown[0].bytes, frame[14..], "{size} bytes");
            let empty = if size == 0 { SampleFlags::EMPTY } else { 0 };
            assert_eq!(shown[0].header.flags, SampleFlags::UNDER_WAY | empty);
        }
    }
}

#[test]
fn the_snap_length_cuts() {
    let Some(mut kernel) = kernel(Settings { snap: 100, ..Settings::default() }) else { return };
    let frame = V4.out(ACK, &[9; 200]);
    kernel.run(Hook::Xdp, &frame);
    kernel.run(Hook::Tc, &frame);
    for sample in kernel.shown() {
        assert_eq!(sample.bytes, frame[14..114]);
        assert_ne!(sample.header.flags & SampleFlags::CUT, 0);
        assert_eq!(sample.header.wire_bytes, 240);
    }
}

#[test]
fn a_full_ring_is_counted_and_not_charged() {
    let settings = Settings { budget: 1000, ring_bytes: 4096, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    let frame = V4.out(ACK, b"x");
    let place = |reason| (Hook::Xdp as u8, Outcome::Passed as u8, reason);
    for _ in 0..100 {
        assert_eq!(kernel.run(Hook::Xdp, &frame), Answer::Pass);
    }
    let stats = kernel.stats();
    let (shown, _) = stats[&place(Reason::Shown)];
    let (full, _) = stats[&place(Reason::RingFull)];
    assert!(shown > 0 && full > 0 && shown + full == 100, "{stats:?}");
    let track = kernel.track(V4.key()).expect("a track");
    assert_eq!((u64::from(track.shown), track.total().packets), (shown, 100));
    let samples = kernel.shown();
    assert_eq!(u64::try_from(samples.len()).unwrap(), shown);
    // Numbers have no gaps: what found no room did not use one up.
    kernel.run(Hook::Xdp, &frame);
    assert_eq!(u64::from(kernel.shown()[0].header.number), shown + 1);
}

#[test]
fn a_first_packet_that_finds_no_room_is_shown_later() {
    let settings = Settings { budget: 1, ring_bytes: 4096, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    let mut port = 0;
    loop {
        port += 1;
        let frame = V4.with_port(port).out(SYN, b"");
        let before = kernel.stats();
        kernel.run(Hook::Xdp, &frame);
        let full = (Hook::Xdp as u8, Outcome::Passed as u8, Reason::RingFull);
        if kernel.stats().get(&full) != before.get(&full) {
            break;
        }
    }
    kernel.shown();
    let frame = V4.with_port(port).out(ACK, b"late");
    kernel.expect(&[passed(Hook::Xdp, Reason::Shown, &frame)], |kernel| {
        kernel.run(Hook::Xdp, &frame)
    });
    assert_eq!(kernel.shown()[0].header.number, 1);
}

#[test]
fn a_budget_of_nothing_shows_nothing() {
    let Some(mut kernel) = kernel(Settings { budget: 0, ..Settings::default() }) else { return };
    let frame = V4.out(SYN, b"");
    for _ in 0..2 {
        kernel.expect(&[passed(Hook::Xdp, Reason::OverBudget, &frame)], |kernel| {
            kernel.run(Hook::Xdp, &frame)
        });
    }
    assert!(kernel.shown().is_empty());
}

#[test]
fn a_long_pause_starts_a_new_flow() {
    let Some(mut kernel) = kernel(Settings { budget: 1, ..Settings::default() }) else { return };
    let frame = V4.udp().out(0, b"x");
    kernel.run(Hook::Xdp, &frame);
    kernel.set_tick(NOW + IDLE);
    kernel.expect(&[passed(Hook::Xdp, Reason::OverBudget, &frame)], |kernel| {
        kernel.run(Hook::Xdp, &frame)
    });
    kernel.set_tick(NOW + IDLE + IDLE + 1);
    kernel.expect(&[passed(Hook::Xdp, Reason::Shown, &frame)], |kernel| {
        kernel.run(Hook::Xdp, &frame)
    });
}

#[test]
fn beyond_the_budget_the_policy_may_drop() {
    let settings =
        Settings { budget: 2, switches: Switches::DROP_OVER_BUDGET, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    for hook in HOOKS {
        let talk = V4.with_port(1 + hook as u16);
        let frame = talk.out(ACK, b"ping");
        for number in 1..=4 {
            let (outcome, reason, answer) = if number <= 2 {
                (Outcome::Passed, Reason::Shown, Answer::Pass)
            } else {
                (Outcome::Dropped, Reason::OverBudget, Answer::Drop)
            };
            kernel.expect(&[(hook, outcome, reason, 1, counted(&frame))], |kernel| {
                assert_eq!(kernel.run(hook, &frame), answer);
            });
        }
        let track = kernel.track(talk.key()).expect("a track");
        assert_eq!((track.total().packets, track.dropped), (4, Total { packets: 2, bytes: 88 }));
        for frame in pieces(talk, &[5; 100], 64) {
            assert_eq!(kernel.run(hook, &frame), Answer::Drop, "a fragment is no way round");
        }
        // A verdict is heard before, whatever it says.
        kernel.decide(talk.key(), Action::Count);
        assert_eq!(kernel.run(hook, &frame), Answer::Pass);
        assert_eq!(kernel.shown().len(), 2);
    }
}

#[test]
fn what_a_full_ring_kept_from_us_is_not_beyond_the_budget() {
    let settings = Settings {
        budget: 1000,
        ring_bytes: 4096,
        switches: Switches::DROP_OVER_BUDGET,
        ..Settings::default()
    };
    let Some(kernel) = kernel(settings) else { return };
    for _ in 0..100 {
        assert_eq!(kernel.run(Hook::Xdp, &V4.out(ACK, b"x")), Answer::Pass);
    }
    let full = (Hook::Xdp as u8, Outcome::Passed as u8, Reason::RingFull);
    assert!(kernel.stats().contains_key(&full));
}

/// The flags of what is shown of a talk of `frames`.
fn shown_flags(kernel: &mut Kernel, frames: &[Vec<u8>]) -> Vec<u32> {
    for frame in frames {
        assert_eq!(kernel.run(Hook::Xdp, frame), Answer::Pass);
    }
    kernel.shown().iter().map(|sample| sample.header.flags).collect()
}

#[test]
fn a_sample_says_whether_its_flow_was_under_way() {
    const EMPTY: u32 = SampleFlags::EMPTY;
    const UNDER_WAY: u32 = SampleFlags::UNDER_WAY;
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4, V6] {
        let whole = [
            talk.out(SYN, b""),
            talk.back(SYN | ACK, b""),
            talk.out(ACK, b"a"),
            talk.back(ACK, b"b"),
        ];
        assert_eq!(shown_flags(&mut kernel, &whole), [EMPTY, EMPTY, 0, UNDER_WAY]);
        let answered = talk.with_port(2);
        let half = [answered.back(SYN | ACK, b""), answered.out(ACK, b"a")];
        assert_eq!(shown_flags(&mut kernel, &half), [EMPTY, 0], "an answer opens it too");
        let open = talk.with_port(3);
        let midway = [open.out(ACK, b""), open.out(ACK, b"a")];
        assert_eq!(shown_flags(&mut kernel, &midway), [EMPTY | UNDER_WAY, UNDER_WAY]);
        let udp = talk.udp();
        let both = [udp.out(0, b"a"), udp.out(0, b"b")];
        assert_eq!(shown_flags(&mut kernel, &both), [0, UNDER_WAY]);
    }
}

#[test]
fn a_sample_says_whether_payload_before_it_could_not_be_shown() {
    let settings = Settings { budget: 1000, ring_bytes: 4096, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    for hook in HOOKS {
        for (talk, first) in [(V4, SYN), (V6, SYN), (V4.udp(), 0)] {
            // Others fill both rings, to less than the smallest record.
            for port in 1000..1100 {
                kernel.run(hook, &V4.udp().with_port(port).out(0, &[0; 10]));
                kernel.run(hook, &V4.with_port(port).out(ACK, &[0; 10]));
            }
            let talk = talk.with_port(7 + hook as u16);
            let tcp_flags = if first == SYN {
                kernel.run(hook, &talk.out(SYN, b""));
                ACK
            } else {
                0
            };
            kernel.run(hook, &talk.out(tcp_flags, b"hello"));
            kernel.shown();
            kernel.run(hook, &talk.back(tcp_flags, b"answer"));
            let shown = kernel.shown();
            let header: &SampleHeader = &shown[0].header;
            let flags = SampleFlags::LOSS | SampleFlags::UNDER_WAY;
            assert_eq!((header.number, header.flags), (1, flags), "{hook:?}");
        }
    }
}

#[test]
fn what_opens_flows_is_held_back_where_user_space_is_behind() {
    // Each CPU has a ring of its own, and how full that is decides.
    stay_on_this_cpu();
    let settings = Settings { ring_bytes: 2 << 20, budget: 32, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    for hook in HOOKS {
        let held = |kernel: &Kernel| {
            let place = (hook as u8, Outcome::Passed as u8, Reason::HeldBack);
            kernel.stats().get(&place).map_or(0, |(packets, _)| *packets)
        };
        let others = 100 + 4000 * hook as u16;
        let known = V6.with_port(1 + hook as u16);
        kernel.run(hook, &known.out(SYN, b""));
        // What tells least leaves most of the ring to the rest, however much of it comes.
        for port in 0..2000 {
            assert_eq!(kernel.run(hook, &V4.with_port(port + others).out(SYN, b"")), Answer::Pass);
        }
        let syns = held(&kernel);
        assert!((1000..1500).contains(&syns), "{syns}");
        // First packets that may tell something have more room, and no end either.
        for port in 0..4000 {
            kernel.run(hook, &V4.udp().with_port(port + others).out(0, b"query"));
        }
        let queries = held(&kernel) - syns;
        assert!((1000..3000).contains(&queries), "{queries}");
        let before = held(&kernel);
        // What may open a QUIC connection finds room where others do not.
        for port in 0..100 {
            kernel.run(hook, &V4.udp().with_port(port + others + 4000).out(0, &[0xc0; 1200]));
        }
        // A flow that goes on is always shown.
        for _ in 0..10 {
            kernel.run(hook, &known.out(ACK, b"hello"));
        }
        assert_eq!(held(&kernel), before);
        let shown = kernel.shown();
        let of_known = shown.iter().filter(|sample| sample.header.key() == Some(known.key()));
        assert_eq!(of_known.count(), 11);
        // What was held back is no part of the budget, and known of the next packet.
        kernel.run(hook, &V4.udp().with_port(3999 + others).out(0, b"query"));
        let header = &kernel.shown()[0].header;
        assert_eq!((header.number, header.flags & SampleFlags::LOSS), (1, SampleFlags::LOSS));
    }
}
