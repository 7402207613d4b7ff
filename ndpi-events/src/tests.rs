//! The bus with subscribers that are slow, choosy or gone, and what crosses a border between processes.

mod documented;
mod round_trip;

use std::time::{Duration, Instant};

use crate::{BusBuilder, Event, Kind, Kinds, Subscription, Time, Warning};

fn warning(count: u64) -> Event {
    let (time, about) = (Time::default(), "rings-full".into());
    Event::Warning(Warning::new(time, about, count, ""))
}

/// The numbers of the events that wait.
fn numbers(subscription: &Subscription) -> Vec<u64> {
    subscription.waiting().map(|envelope| envelope.seq).collect()
}

#[test]
fn each_source_numbers_its_own_events_without_gaps() {
    let mut bus = BusBuilder::default();
    let mut all = bus.subscribe(Kinds::ALL, |_| true, 99);
    let bus = bus.build(Time::from_ns(7_000));
    let (mut one, mut other) = (bus.source("one"), bus.source("other"));
    for count in 0..3 {
        one.publish(Time::default(), warning(count));
        other.publish(Time::default(), warning(count));
    }
    drop((bus, one, other));
    let mut received = Vec::new();
    while let Some(envelope) = all.recv() {
        received.push((envelope.source.name.to_string(), envelope.seq));
        assert_eq!(envelope.source.since, Time::from_ns(7_000));
    }
    received.sort();
    let numbered = |name: &str| (1..=3).map(|seq| (name.to_owned(), seq)).collect::<Vec<_>>();
    assert_eq!(received, [numbered("one"), numbered("other")].concat());
}

#[test]
fn a_full_queue_costs_its_subscriber_events_and_nobody_else() {
    let mut bus = BusBuilder::default();
    let slow = bus.subscribe(Kinds::ALL, |_| true, 2);
    let quick = bus.subscribe(Kinds::ALL, |_| true, 99);
    let mut source = bus.build(Time::default()).source("one");
    (0..5).for_each(|count| source.publish(Time::default(), warning(count)));
    assert_eq!((slow.losses().lost(), slow.losses().waiting()), (3, 2));
    assert_eq!((quick.losses().lost(), quick.losses().waiting()), (0, 5));
    assert_eq!((numbers(&slow), numbers(&quick)), (vec![1, 2], vec![1, 2, 3, 4, 5]));
    slow.losses().handle(2);
    source.publish(Time::default(), warning(5));
    assert_eq!(
        (numbers(&slow), slow.losses().lost()),
        (vec![6], 3),
        "the numbers show what it missed"
    );
}

#[test]
fn only_what_a_subscriber_asked_for_is_lost_to_it() {
    let mut bus = BusBuilder::default();
    let odd = |event: &Event| matches!(event, Event::Warning(it) if it.count % 2 == 1);
    let choosy = bus.subscribe(Kinds::of(&[Kind::Warning]), odd, 1);
    let other = bus.subscribe(Kinds::of(&[Kind::FlowEnded, Kind::Status]), |_| true, 1);
    let mut source = bus.build(Time::default()).source("one");
    (0..6).for_each(|count| source.publish(Time::default(), warning(count)));
    assert_eq!((numbers(&choosy), choosy.losses().lost()), (vec![2], 2));
    assert_eq!((numbers(&other), other.losses().lost()), (vec![], 0));
    let wanted = [Kind::Warning, Kind::FlowEnded, Kind::Status, Kind::Decided];
    assert_eq!(wanted.map(|kind| source.wants(kind)), [true, true, true, false]);
}

#[test]
fn what_comes_when_a_subscriber_is_gone_is_lost() {
    for closes in [false, true] {
        let mut bus = BusBuilder::default();
        let gone = bus.subscribe(Kinds::ALL, |_| true, 9);
        let mut source = bus.build(Time::default()).source("one");
        source.publish(Time::default(), warning(0));
        let losses = gone.losses().clone();
        if closes {
            losses.close();
        } else {
            drop(gone);
        }
        source.publish(Time::default(), warning(1));
        source.publish_last(Time::default(), warning(2), Duration::from_mins(1));
        assert_eq!((losses.lost(), losses.waiting(), losses.is_closed()), (2, 1, closes));
    }
}

#[test]
fn what_was_published_before_a_subscription_ends_is_received() {
    let mut bus = BusBuilder::default();
    let mut events = bus.subscribe(Kinds::ALL, |_| true, 9);
    let ender = events.ender();
    let mut source = bus.build(Time::default()).source("one");
    (0..3).for_each(|count| source.publish(Time::default(), warning(count)));
    drop(ender);
    let received: Vec<_> = std::iter::from_fn(|| events.recv()).map(|it| it.seq).collect();
    assert_eq!(received, [1, 2, 3]);
}

#[test]
fn only_the_last_event_waits_for_room() {
    let mut bus = BusBuilder::default();
    let stalled = bus.subscribe(Kinds::ALL, |_| true, 1);
    let mut source = bus.build(Time::default()).source("one");
    let (begin, patience) = (Instant::now(), Duration::from_millis(20));
    source.publish(Time::default(), warning(0));
    source.publish_last(Time::default(), warning(1), patience);
    assert!(begin.elapsed() >= patience);
    assert_eq!(stalled.losses().lost(), 1);
}

#[test]
fn many_without_room_are_waited_for_as_long_as_one() {
    let mut bus = BusBuilder::default();
    let stalled: Vec<_> = (0..12).map(|_| bus.subscribe(Kinds::ALL, |_| true, 1)).collect();
    let ready = bus.subscribe(Kinds::ALL, |_| true, 2);
    let mut source = bus.build(Time::default()).source("one");
    let (begin, patience) = (Instant::now(), Duration::from_secs(1));
    source.publish(Time::default(), warning(0));
    source.publish_last(Time::default(), warning(1), patience);
    assert!(begin.elapsed() < 6 * patience, "{:?}", begin.elapsed());
    assert!(stalled.iter().all(|it| it.losses().lost() == 1));
    assert_eq!(numbers(&ready), [1, 2], "who has room has it");
}
