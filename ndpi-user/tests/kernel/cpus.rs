//! Several CPUs on one flow: every count stays exact.

use std::sync::Barrier;
use std::thread;

use ndpi_common::{Action, Hook, Outcome, Reason, Total};
use testkit::cpu::stay_on;
use testkit::frame::{V4, V6, counted};

use crate::harness::{Kernel, Settings, cpus, kernel};

const TIMES: u32 = 300_000;

/// Runs `work` on every CPU at the same time.
fn everywhere(kernel: &Kernel, work: impl Fn(&Kernel) + Sync) -> u64 {
    let cpus = cpus();
    let start = Barrier::new(cpus as usize);
    thread::scope(|scope| {
        for cpu in 0..cpus {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                // A CPU that is offline or not ours: the thread runs on another one.
                let _ = stay_on(cpu as usize);
                start.wait();
                work(kernel);
            });
        }
    });
    u64::from(cpus)
}

#[test]
fn one_flow_on_every_cpu_is_counted_exactly() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4.udp(), V6.udp()] {
        kernel.decide(talk.key(), Action::Count);
        let (out, back) = (talk.out(0, &[1; 1000]), talk.back(0, b"short"));
        let before = kernel.stats();
        let cpus = everywhere(&kernel, |kernel| {
            kernel.repeat(Hook::Xdp, &out, TIMES);
            kernel.repeat(Hook::Tc, &back, TIMES);
        });
        let packets = cpus * u64::from(TIMES);
        let verdict = kernel.verdict(talk.key());
        assert_eq!(verdict.lower(), Total { packets, bytes: packets * counted(&out) });
        assert_eq!(verdict.upper(), Total { packets, bytes: packets * counted(&back) });
        for (hook, frame) in [(Hook::Xdp, &out), (Hook::Tc, &back)] {
            let place = (hook as u8, Outcome::Passed as u8, Reason::Count);
            let then = before.get(&place).copied().unwrap_or_default();
            let now = kernel.stats()[&place];
            assert_eq!((now.0 - then.0, now.1 - then.1), (packets, packets * counted(frame)));
        }
    }
}

#[test]
fn the_budget_holds_when_every_cpu_sees_the_flow() {
    let settings = Settings { budget: 50, ring_bytes: 1 << 20, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    let frame = V4.udp().out(0, b"who is first?");
    // The track is there before they start: two first packets on two CPUs may both be the first.
    kernel.run(Hook::Xdp, &frame);
    let cpus = everywhere(&kernel, |kernel| kernel.repeat(Hook::Xdp, &frame, 1000));
    let mut numbers: Vec<_> = kernel.shown().iter().map(|sample| sample.header.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    let track = kernel.track(V4.udp().key()).expect("a track");
    assert_eq!((track.shown, track.total().packets), (50, cpus * 1000 + 1));
}
