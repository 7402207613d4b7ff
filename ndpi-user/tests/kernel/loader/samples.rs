//! Packets through the real programs into the rings.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use ndpi_common::{Hook, Key, Outcome, Reason};
use ndpi_kernel::ktime_ns;
use testkit::frame::{key4, key6, udp4, udp6};

use crate::loader::setup::{can_load, load};

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
        on_cpu(cpus[usize::from(port) % cpus.len()]);
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
    on_cpu(cpu);
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
    let reader = std::thread::spawn(move || {
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

/// Moves the thread to a CPU.
fn on_cpu(cpu: u32) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu as usize);
    rustix::thread::sched_setaffinity(None, &set).unwrap();
}
