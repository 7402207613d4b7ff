//! Buckets come before the verdicts that point at them, and go after them.

use ndpi::Classification;
use ndpi_common::{Action, Bucket, EntryNote, Key, OWN_BUCKET};
use ndpi_flow::Verdict;
use ndpi_kernel::{Clock, Kernel};
use ndpi_policy::{Limit, Per};
use ndpi_user::enforce::{Allowance, DesiredVerdict, KernelStore, VerdictStore as _};
use testkit::frame::{key4, key6};

use crate::loader::setup::{can_load, load, options};

const LIMIT: Limit = Limit { bytes_per_second: 1000, burst_bytes: 5000, per: Per::Flow };

fn store(kernel: &Kernel) -> KernelStore {
    KernelStore::new(kernel, Clock::new(), 3)
}

fn standing(key: Key, allowance: Option<Allowance>) -> DesiredVerdict {
    let action = if allowance.is_some() { Action::Limit } else { Action::Drop };
    DesiredVerdict {
        key,
        verdict: Verdict { action, rule: Some(0) },
        revision: 1,
        classification: Classification::default(),
        tcp_seen: [0; 2],
        state: 0,
        opening: None,
        allowance,
        followed: None,
        note: EntryNote::default(),
    }
}

/// The number of the bucket that the flow's verdict points at, and the bucket.
fn bucket(kernel: &Kernel, key: &Key) -> (u32, Option<Bucket>) {
    let number = kernel.verdicts().get(key).unwrap().expect("a verdict").bucket;
    (number, kernel.limits().get(number).unwrap())
}

#[test]
fn a_bucket_of_its_own_goes_with_the_flow() {
    if !can_load() {
        return;
    }
    let kernel = load();
    let store = store(&kernel);
    let keys = [key4(1, 2), key6(1, 2)];
    for key in keys {
        store.write(&standing(key, Some(Allowance::Own(LIMIT)))).unwrap();
    }
    let [(first, full), (second, _)] = keys.map(|key| bucket(&kernel, &key));
    assert!(first != second && first & second & OWN_BUCKET != 0, "{first:x} {second:x}");
    let full = full.expect("it stands");
    assert_eq!((full.bytes_per_second, full.burst, full.tokens), (1000, 5000, 5000));
    assert!(full.refilled_ns > 0);
    // Written a second time, by the next sample of the flow.
    store.write(&standing(keys[0], Some(Allowance::Own(LIMIT)))).unwrap();
    assert_eq!(bucket(&kernel, &keys[0]).0, first);
    store.take(&keys[0]).unwrap();
    store.replace(&standing(keys[1], None)).unwrap();
    for number in 0..8 {
        assert_eq!(kernel.limits().get(OWN_BUCKET | number).unwrap(), None, "{number}");
    }
}

#[test]
fn a_new_verdict_keeps_what_is_left_of_the_same_limit() {
    if !can_load() {
        return;
    }
    let kernel = load();
    let (store, key) = (store(&kernel), key4(1, 2));
    store.write(&standing(key, Some(Allowance::Own(LIMIT)))).unwrap();
    let (number, full) = bucket(&kernel, &key);
    let used = Bucket { tokens: -3, ..full.unwrap() };
    kernel.limits().set(number, &used).unwrap();
    store.replace(&standing(key, Some(Allowance::Own(LIMIT)))).unwrap();
    assert_eq!(bucket(&kernel, &key), (number, Some(used)));

    let slower = Limit { bytes_per_second: 10, ..LIMIT };
    store.replace(&standing(key, Some(Allowance::Own(slower)))).unwrap();
    let (other, fresh) = bucket(&kernel, &key);
    assert_eq!((fresh.unwrap().bytes_per_second, fresh.unwrap().tokens), (10, 5000));
    assert_eq!(kernel.limits().get(number).unwrap(), None, "nothing points at it");

    kernel.limits().set(7, &used).unwrap();
    store.replace(&standing(key, Some(Allowance::Shared(7)))).unwrap();
    assert_eq!(bucket(&kernel, &key), (7, Some(used)));
    assert_eq!(kernel.limits().get(other).unwrap(), None);
    store.take(&key).unwrap();
    assert_eq!(kernel.limits().get(7).unwrap(), Some(used), "it is the rule's");
}

#[test]
fn a_verdict_that_finds_no_room_leaves_no_bucket() {
    if !can_load() {
        return;
    }
    let kernel = load();
    let store = store(&kernel);
    let capacity = u16::try_from(options().verdicts).unwrap();
    for port in 0..capacity {
        store.write(&standing(key4(port, 9), None)).unwrap();
    }
    let refused = standing(key4(capacity, 9), Some(Allowance::Own(LIMIT)));
    assert!(store.write(&refused).is_err());
    assert!(store.replace(&refused).is_err());
    for number in 0..8 {
        assert_eq!(kernel.limits().get(OWN_BUCKET | number).unwrap(), None, "{number}");
    }
}
