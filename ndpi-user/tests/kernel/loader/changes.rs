//! Verdicts that are replaced while packets come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ndpi::Classification;
use ndpi_common::{Action, EntryNote, Hook, Key, Outcome, State, VerdictEntry as Entry};
use ndpi_flow::{Traffic, Verdict};
use ndpi_kernel::{Clock, Kernel};
use ndpi_user::enforce::{DesiredVerdict, KernelStore, VerdictStore as _};
use testkit::frame::{key4, key6, udp4, udp6};

use crate::loader::setup::{can_load, load};

fn standing(key: Key, action: Action, rule: u16) -> DesiredVerdict {
    DesiredVerdict {
        key,
        verdict: Verdict { action, rule: Some(rule) },
        revision: 1,
        classification: Classification::default(),
        tcp_seen: [0; 2],
        state: 0,
        opening: None,
        allowance: None,
        followed: None,
        note: EntryNote::default(),
    }
}

fn store(kernel: &Kernel) -> KernelStore {
    KernelStore::new(kernel, Clock::new(), 3)
}

#[test]
fn no_packet_gets_through_while_one_block_takes_the_place_of_another() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let store = store(&kernel);
    let flows = [(udp4(4000, 53, b"blocked"), key4(4000, 53)), (udp6(1, 2, b"too"), key6(1, 2))];
    for (_, key) in &flows {
        store.write(&standing(*key, Action::Drop, 0)).unwrap();
    }
    let (keys, done) = (flows.each_ref().map(|(_, key)| *key), AtomicBool::new(false));
    let (sent, replaced) = thread::scope(|scope| {
        let changing = scope.spawn(|| {
            let mut replaced = 0;
            while !done.load(Ordering::Relaxed) {
                let action = if replaced % 2 == 0 { Action::Drop } else { Action::Reject };
                for key in keys {
                    store.replace(&standing(key, action, 1)).unwrap();
                }
                replaced += 1;
            }
            replaced
        });
        let mut sent = 0;
        for _ in 0..60 {
            for (frame, _) in &flows {
                assert!(kernel.test_run().xdp(frame, None, 500).unwrap().dropped(Hook::Xdp));
                sent += 500;
            }
        }
        done.store(true, Ordering::Relaxed);
        (sent, changing.join().unwrap())
    });
    assert!(replaced > 100, "{replaced}");
    let statistics = kernel.stats().read().unwrap();
    assert_eq!(statistics.outcome(Outcome::Passed).packets, 0);
    assert_eq!(statistics.outcome(Outcome::Dropped).packets, sent);
    let counted: u64 = keys.map(|key| store.take(&key).unwrap().dropped.packets).iter().sum();
    eprintln!("{sent} sent, {counted} counted, {replaced} replacements");
    assert!(counted <= sent && counted > sent / 2, "{counted} of {sent}");
}

#[test]
fn what_is_looked_at_again_passes_and_counts_until_its_verdict_stands() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let store = store(&kernel);
    let (frame, key) = (udp4(4000, 53, b"again"), key4(4000, 53));
    let send = |kernel: &mut Kernel, drops: bool| {
        assert_eq!(kernel.test_run().xdp(&frame, None, 5).unwrap().dropped(Hook::Xdp), drops);
    };
    let action = |kernel: &Kernel| kernel.verdicts().get(&key).unwrap().unwrap().action;
    store.write(&standing(key, Action::Count, 0)).unwrap();
    send(&mut kernel, false);
    let suspended = store.suspend(&key, Traffic::default()).unwrap().expect("it is in use");
    assert_eq!((suspended.passed.packets, action(&kernel)), (5, Action::Inspect as u8));
    send(&mut kernel, false);
    let counted = store.peek(&key).unwrap();
    assert_eq!((counted.decided.total().packets, counted.undecided.total().packets), (5, 5));
    let before = store.write(&standing(key, Action::Drop, 1)).unwrap();
    assert_eq!((before.total().packets, action(&kernel)), (5, Action::Drop as u8));
    send(&mut kernel, true);
    // Another writes the verdict again that stands: nothing is counted twice.
    let before = store.write(&standing(key, Action::Drop, 1)).unwrap();
    assert_eq!(before, Traffic::default());
    let taken = store.take(&key).unwrap();
    assert_eq!((taken.decided.total().packets, taken.undecided.total().packets), (10, 0));
    assert_eq!(taken.dropped.packets, 5);
}

#[test]
fn what_the_kernel_noted_of_a_flow_outlives_its_verdict() {
    if !can_load() {
        return;
    }
    let kernel = load();
    let store = store(&kernel);
    let (key, noted) = (
        key4(1, 2),
        Entry {
            action: Action::Count as u8,
            tcp_flags_lower: 0x11,
            tcp_flags_upper: 0x10,
            state: State::REOPENED,
            last_seen: 77,
            ..Entry::default()
        },
    );
    kernel.verdicts().insert(&key, &noted).unwrap();
    store
        .replace(&DesiredVerdict { tcp_seen: [2, 0x12], ..standing(key, Action::Drop, 4) })
        .unwrap();
    let entry = kernel.verdicts().get(&key).unwrap().unwrap();
    assert_eq!((entry.action, entry.rule), (Action::Drop as u8, 4));
    assert_eq!((entry.tcp_flags_lower, entry.tcp_flags_upper), (0x13, 0x12));
    assert_eq!((entry.state, entry.last_seen), (State::REOPENED, 77));
    assert_eq!(store.activity(&key).unwrap().map(|activity| activity.last_seen), Some(77));
}

#[test]
fn a_connection_that_began_while_its_verdict_was_changed_is_noticed() {
    if !can_load() {
        return;
    }
    let kernel = load();
    let (store, key) = (store(&kernel), key4(1, 2));
    assert!(store.is_over(&key, 0).unwrap(), "there is no verdict");
    let before = Entry { decided_ns: 5_000_000_000, ..Entry::default() };
    kernel.verdicts().insert(&key, &before).unwrap();
    // What the kernel noted in the moment between is not in the entry any more.
    store.replace(&standing(key, Action::Drop, 4)).unwrap();
    let entry = kernel.verdicts().get(&key).unwrap().unwrap();
    assert_eq!((entry.decided_ns, entry.is_over()), (before.decided_ns, false));
    assert!(!store.is_over(&key, 0).unwrap(), "said of an earlier verdict");
    assert!(store.is_over(&key, u64::MAX).unwrap(), "said of this one");
}
