//! Flows that are looked at again: their packets pass and are shown as far as an allowance goes.

use ndpi_common::{Action, Hook, Outcome, Reason, SampleFlags, Switches, VerdictEntry};
use testkit::frame::{ACK, V4, V6, counted};

use crate::harness::{Answer, HOOKS, NOW, Settings, kernel};

fn inspect(packets: u32) -> VerdictEntry {
    let (action, last_seen) = (Action::Inspect as u8, NOW);
    VerdictEntry { action, last_seen, bucket: packets, ..VerdictEntry::default() }
}

#[test]
fn the_kernel_counts_down_what_it_shows_and_passes_all() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    for talk in [V4, V6, V4.udp(), V4.in_vlan(5)] {
        for hook in HOOKS {
            kernel.forget();
            kernel.set_verdict(talk.key(), inspect(3));
            let frame = talk.out(ACK, b"data");
            let flags: Vec<_> = (0..5)
                .map(|_| {
                    assert_eq!(kernel.run(hook, &frame), Answer::Pass);
                    let others = SampleFlags::INSPECTED | SampleFlags::LAST;
                    kernel.shown().iter().map(|it| it.header.flags & others).collect::<Vec<_>>()
                })
                .collect();
            let one = vec![SampleFlags::INSPECTED];
            let last = vec![SampleFlags::INSPECTED | SampleFlags::LAST];
            assert_eq!(flags, [one.clone(), one, last, vec![], vec![]], "{talk:?} {hook:?}");
            let entry = kernel.verdict(talk.key());
            assert_eq!((entry.bucket, entry.lower().packets), (0, 5));
            assert!(kernel.track(talk.key()).is_none());
        }
    }
}

#[test]
fn nothing_of_it_is_dropped_beyond_the_allowance() {
    let Some(mut kernel) = kernel(Settings::default()) else { return };
    kernel.switch(Switches::DROP_OVER_BUDGET);
    kernel.set_verdict(V4.key(), inspect(1));
    let frame = V4.out(ACK, b"data");
    let passed = (Hook::Xdp, Outcome::Passed, Reason::Count, 9, 9 * counted(&frame));
    kernel.expect(&[passed], |kernel| {
        for _ in 0..9 {
            kernel.run(Hook::Xdp, &frame);
        }
    });
}

#[test]
fn what_has_no_room_in_a_ring_is_not_charged() {
    let settings = Settings { ring_bytes: 4096, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    kernel.set_verdict(V4.key(), inspect(200));
    let frame = V4.out(ACK, &[5; 500]);
    for _ in 0..100 {
        kernel.run(Hook::Xdp, &frame);
    }
    let shown = u32::try_from(kernel.shown().len()).unwrap();
    assert!(0 < shown && shown < 100, "{shown}");
    assert_eq!(kernel.verdict(V4.key()).bucket, 200 - shown);
}
