//! Packets through the real programs into the rings.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ndpi_common::parse::tcp::{ACK, SYN};
use ndpi_common::{Division, Hook, Key, Outcome, Reason, SampleFlags};
use ndpi_kernel::{Kernel, LoadOptions, Rings, TestRun, ktime_ns};
use proptest::prelude::*;
use testkit::cpu::stay_on;
use testkit::frame::{Talk, V4, V6, key4, key6, udp4, udp6};

use crate::loader::setup::{can_load, load, options};

#[test]
fn a_packet_without_a_verdict_is_shown() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let mut rings = kernel.take_rings().unwrap();
    let before = ktime_ns();
    for (frame, key) in
        [(udp4(4000, 53, b"hello"), key4(4000, 53)), (udp6(1, 2, b"six"), key6(1, 2))]
    {
        let ran = kernel.test_run().xdp(&frame, None, 1).unwrap();
        assert!(!ran.dropped(Hook::Xdp));
        let mut seen = Vec::new();
        let polled = rings
            .poll(Some(Duration::from_secs(5)), |header, bytes| {
                seen.push((header.key(), header.ktime_ns, bytes.to_vec()));
            })
            .unwrap();
        assert_eq!(polled.samples, 1);
        assert_eq!(seen[0].0, Some(key));
        assert!(
            (before..ktime_ns()).contains(&seen[0].1),
            "the clock of the rings is the boot clock"
        );
        assert_eq!(seen[0].2, frame[14..], "the bytes start at the IP header");
    }
    let shown = kernel.stats().read().unwrap().get(Hook::Xdp, Outcome::Passed, Reason::Shown);
    assert_eq!(shown.packets, 2);
    assert_eq!(rings.malformed(), 0);
}

#[test]
fn samples_of_all_cpus_come_in_the_order_of_time() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let mut rings = kernel.take_rings().unwrap();
    let cpus = aya::util::online_cpus().unwrap();
    let mut keys = Vec::new();
    for port in 0..40u16 {
        stay_on(cpus[usize::from(port) % cpus.len()] as usize).unwrap();
        kernel.test_run().xdp(&udp4(4000 + port, 53, b"in order"), None, 1).unwrap();
        keys.push(key4(4000 + port, 53));
    }
    let (mut seen, mut by_cpu) = (Vec::<Key>::new(), std::collections::HashSet::new());
    rings.drain(|header, _| {
        seen.extend(header.key());
        by_cpu.insert(header.cpu);
    });
    assert_eq!(seen, keys);
    assert_eq!(by_cpu.len(), cpus.len());
}

#[test]
fn what_a_full_ring_cannot_take_is_counted() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let mut rings = kernel.take_rings().unwrap();
    let cpu = aya::util::online_cpus().unwrap()[0];
    stay_on(cpu as usize).unwrap();
    let packets = 500u16;
    for port in 0..packets {
        kernel.test_run().xdp(&udp4(1000 + port, 53, &[7; 1000]), None, 1).unwrap();
    }
    let shown = rings.drain(|_, _| {}) as u64;
    let lost = kernel.stats().ring_full().unwrap();
    assert!(shown > 0 && shown < u64::from(packets));
    assert_eq!(lost[cpu as usize], u64::from(packets) - shown);
    assert_eq!(lost.iter().sum::<u64>(), lost[cpu as usize]);
    // There is room again.
    kernel.test_run().xdp(&udp4(999, 53, b"late"), None, 1).unwrap();
    assert_eq!(rings.drain(|_, _| {}), 1);
}

#[test]
fn the_ring_goes_round_and_samples_stay_whole() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let mut rings = kernel.take_rings().unwrap();
    let mut sum = 0;
    for round in 0..300u16 {
        let payload = vec![round.to_le_bytes()[0]; 700];
        kernel.test_run().xdp(&udp4(2000 + round, 53, &payload), None, 1).unwrap();
        sum += rings.drain(|_, bytes| assert_eq!(bytes[28..], payload, "round {round}"));
    }
    assert_eq!(sum, 300);
}

#[test]
fn a_waiting_reader_is_woken_by_a_sample_and_by_its_waker() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let mut rings = kernel.take_rings().unwrap();
    let waker = rings.waker();
    let (came, coming) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut samples = 0;
        loop {
            let polled = rings.poll(None, |_, _| {}).unwrap();
            samples += polled.samples;
            came.send(polled.samples).unwrap();
            if polled.woken {
                // What came between the last look and the wake-up.
                return samples + rings.drain(|_, _| {});
            }
        }
    });
    for port in 0..100 {
        kernel.test_run().xdp(&udp4(3000 + port, 53, b"wake"), None, 1).unwrap();
    }
    let first = coming.recv_timeout(Duration::from_secs(10));
    assert!(first.is_ok_and(|samples| samples > 0), "samples wake the reader");
    waker.wake();
    assert_eq!(reader.join().unwrap(), 100);
}

#[test]
fn nothing_to_read_ends_at_the_timeout() {
    if !can_load() {
        return;
    }
    let mut rings = load().take_rings().unwrap();
    let begin = Instant::now();
    let polled = rings.poll(Some(Duration::from_millis(30)), |_, _| {}).unwrap();
    assert_eq!((polled.samples, polled.woken), (0, false));
    assert!(begin.elapsed() >= Duration::from_millis(30));
}

/// A verdict may be written on a packet at once: what was counted of the flow until then has to be there.
#[test]
fn who_is_shown_a_packet_finds_its_track() {
    if !can_load() {
        return;
    }
    let mut kernel = Kernel::load(&LoadOptions { tracks: 1 << 16, ..options() }).unwrap();
    let (mut rings, tracks) = (kernel.take_rings().unwrap(), kernel.tracks().clone());
    let is_over = AtomicBool::new(false);
    let without = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut without = 0;
            while !is_over.load(Ordering::Acquire) {
                rings.drain(|header, _| {
                    let key = header.key().unwrap();
                    without += u64::from(tracks.take(&key).unwrap().is_none());
                });
            }
            without
        });
        for port in 1..=5_000 {
            kernel.test_run().xdp(&udp4(port, 53, b"first"), None, 1).unwrap();
        }
        is_over.store(true, Ordering::Release);
        reader.join().unwrap()
    });
    assert_eq!(without, 0, "packets were shown before they were counted");
}

#[test]
fn losses_are_those_of_the_ring_that_had_no_room() {
    if !can_load() {
        return;
    }
    let division = Division { parts: 2, seed: 7 };
    let mut kernel = Kernel::load(&LoadOptions { division, ..options() }).unwrap();
    // A packet with payload, one that says little, and one that wants the common ring too.
    let (data, empty, udp) =
        (V4.out(ACK, &[1; 1000]), V6.out(ACK, b""), V6.udp().out(0, &[1; 500]));
    for _ in 0..20 {
        kernel.test_run().xdp(&data, None, 100).unwrap();
        kernel.test_run().tc(&empty, None, 100).unwrap();
        kernel.test_run().xdp(&udp, None, 100).unwrap();
    }
    let budget = LoadOptions::default().budget;
    assert!(full(&kernel) == 0, "{budget} packets of a flow fit");
    for port in 0..400 {
        kernel.test_run().xdp(&V4.with_port(1 + port).out(ACK, &[1; 1000]), None, 1).unwrap();
        kernel.test_run().tc(&V6.udp().with_port(1 + port).out(0, &[1; 500]), None, 1).unwrap();
    }
    let mut lost = [0; 4];
    let before: Vec<_> = (0..2).map(|_| kernel.take_rings().unwrap()).collect();
    let losses = kernel.ring_losses().read().unwrap();
    for of in &losses {
        assert_eq!((of.loss.contended, of.ring), (0, of.worker + 2 * of.lane as usize));
        assert!(of.loss.full > 0, "{losses:?}");
        lost[of.ring] = of.loss.full;
    }
    // What each ring was offered is in it or lost.
    let mut offered = [0; 4];
    for port in 0..400 {
        let owner = |talk: Talk| division.owner(talk.with_port(1 + port).key().words()) as usize;
        offered[2 + owner(V4)] += 1;
        offered[owner(V6.udp())] += 1;
    }
    for (owner, mut rings) in before.into_iter().enumerate() {
        rings.drain(|header, _| {
            let is_flood = header.key().is_some_and(|key| key.ports().0.min(key.ports().1) <= 400);
            if is_flood {
                let is_urgent = header.flags & SampleFlags::EMPTY == 0 && header.tcp_flags != 0;
                lost[2 * usize::from(is_urgent) + owner] += 1;
            }
        });
    }
    assert_eq!(lost, offered);
    assert_eq!(losses.iter().map(|it| it.loss.full).sum::<u64>(), full(&kernel));
}

/// Packets that were not shown as a ring was full, by the statistics.
fn full(kernel: &Kernel) -> u64 {
    kernel.stats().ring_full().unwrap().iter().sum()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4) })]
    /// Each packet of a flow goes through the programs after the one before, in either direction, on any CPU
    /// and hook, while other flows do the same and a flood fills the rings: all that is not lost comes to the
    /// worker that owns the flow, in that order.
    #[test]
    fn both_directions_of_a_flow_meet_in_order_in_the_worker_that_owns_it(
        workers in 1..4_u32,
        seed in any::<u64>(),
        steps in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<u8>()), 20),
    ) {
        if can_load() {
            meet_in_order(Division { parts: workers, seed }, &steps);
        }
    }
}

/// Flows of each thread.
const FLOWS: u16 = 80;

/// Sends the flows of one sender, each packet on the CPU that its step names.
fn send_flows(run: TestRun<'_>, cpus: &[u32], sender: u16, steps: &[(bool, bool, u8)]) {
    for port in 0..FLOWS {
        let talk = if port % 3 == 0 { V6 } else { V4 };
        let talk = talk.with_port(10_000 * (1 + sender) + port);
        for (at, &(out, has_payload, way)) in (0..).zip(steps) {
            stay_on(cpus[usize::from(way) % cpus.len()] as usize).unwrap();
            let payload = if has_payload { &[at; 90][..] } else { b"" };
            let flags = if at == 0 { SYN } else { ACK };
            let frame = if out { talk.out(flags, payload) } else { talk.back(flags, payload) };
            let ran = match way & 64 {
                0 => run.xdp(&frame, None, 1),
                _ => run.tc(&frame, None, 1),
            };
            ran.unwrap();
        }
    }
}

/// Has threads send flows, a packet for each of `steps`: whether the client sends it, whether it has payload,
/// and what it goes through.
fn meet_in_order(division: Division, steps: &[(bool, bool, u8)]) {
    let options = LoadOptions { division, ring_bytes: 1 << 20, tracks: 1 << 14, ..options() };
    let mut kernel = Kernel::load(&options).unwrap();
    let all: Vec<_> = std::iter::from_fn(|| kernel.take_rings()).collect();
    let cpus = aya::util::online_cpus().unwrap();
    let (start, is_over) = (Barrier::new(4), AtomicBool::new(false));
    let run = kernel.test_run();
    let seen: Vec<_> = thread::scope(|scope| {
        let readers: Vec<_> =
            all.into_iter().map(|rings| scope.spawn(|| read_until(rings, &is_over))).collect();
        let (start, cpus) = (&start, &cpus[..]);
        let senders: Vec<_> = (0..3_u16)
            .map(|sender| {
                scope.spawn(move || {
                    start.wait();
                    send_flows(run, cpus, sender, steps);
                })
            })
            .collect();
        start.wait();
        for sender in senders {
            sender.join().unwrap();
        }
        is_over.store(true, Ordering::Release);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    let mut samples = 0;
    for (owner, seen) in seen.iter().enumerate() {
        for (key, numbers) in seen {
            assert_eq!(division.owner(key.words()) as usize, owner, "{key:?}");
            let in_order: Vec<_> = numbers.iter().filter(|(_, left_out)| !left_out).collect();
            assert!(in_order.is_sorted_by(|a, b| a.0 < b.0), "{key:?}: {numbers:?}");
            samples += numbers.len() as u64;
        }
    }
    let statistics = kernel.stats().read().unwrap();
    assert_eq!(statistics.reason(Reason::Shown).packets, samples);
    assert!(samples > 0);
}

/// The numbers of the packets of each flow, and whether they are to be left out as later ones went before.
type Seen = HashMap<Key, Vec<(u32, bool)>>;

fn read_until(mut rings: Rings, is_over: &AtomicBool) -> Seen {
    let mut seen = Seen::new();
    loop {
        let was_over = is_over.load(Ordering::Acquire);
        let polled = rings.serve(Some(Duration::from_millis(1)), |header, _, waiting| {
            let is_empty = header.flags & SampleFlags::EMPTY != 0;
            let numbers = seen.entry(header.key().unwrap()).or_default();
            numbers.push((header.number, waiting.is_overtaken && is_empty));
        });
        if polled.unwrap().samples == 0 && was_over {
            assert_eq!(rings.malformed(), 0);
            return seen;
        }
    }
}
