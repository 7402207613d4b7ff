use std::collections::HashMap;

use ndpi_common::{Direction, KeyV4};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Cause, Client, Held, Ledger, Parts, Pool, Shares};
use crate::key::FlowKey;

fn client(last: u8) -> Client {
    let (key, direction) = KeyV4::new(([198, 18, 0, last], 1), ([198, 19, 0, 1], 2), 0, 6);
    assert_eq!(direction, Direction::FromLower);
    Client::of(&FlowKey::V4(key), direction)
}

fn shares(blocked: usize) -> Shares {
    Shares { undecided: 2, blocked, ..Shares::default() }
}

fn full(pool: Pool) -> Cause {
    Cause::Full(pool)
}

#[test]
fn free_places_are_for_anybody() {
    let mut ledger = Ledger::of_flows(8, Shares::default());
    for slot in 0..8 {
        assert_eq!(ledger.crowded_out(Pool::Unanswered), None);
        ledger.enter(slot, Pool::Unanswered);
    }
    assert_eq!(ledger.crowded_out(Pool::Unanswered), Some((0, full(Pool::Unanswered))));
}

#[test]
fn a_flood_of_what_nobody_answers_displaces_only_its_like() {
    let mut ledger = Ledger::of_flows(8, Shares::default());
    for slot in 0..6 {
        ledger.enter(slot, Pool::Unanswered);
        ledger.answered(slot);
    }
    for slot in 6..100 {
        if let Some((gone, cause)) = ledger.crowded_out(Pool::Unanswered) {
            assert!(gone >= 6 && cause == full(Pool::Unanswered), "{gone}");
            ledger.leave(gone);
        }
        ledger.enter(slot, Pool::Unanswered);
    }
    assert!((0..6).all(|slot| ledger.pool(slot) == Some(Pool::Answered)));
}

#[test]
fn what_took_more_than_its_part_gives_it_back() {
    let mut ledger = Ledger::of_flows(8, Shares::default());
    for slot in 0..8 {
        ledger.enter(slot, Pool::Unanswered);
        ledger.answered(slot);
    }
    // Two of eight places are for what nobody has answered yet.
    for slot in 8..10 {
        let (gone, cause) = ledger.crowded_out(Pool::Unanswered).unwrap();
        assert_eq!((gone, cause), (slot - 8, full(Pool::Answered)));
        ledger.leave(gone);
        ledger.enter(slot, Pool::Unanswered);
    }
    assert_eq!(ledger.crowded_out(Pool::Unanswered), Some((8, full(Pool::Unanswered))));
}

#[test]
fn the_longest_silent_goes() {
    let mut ledger = Ledger::of_one_pool(3);
    (0..3).for_each(|slot| ledger.enter(slot, Pool::Unanswered));
    ledger.touch(0);
    assert_eq!(ledger.crowded_out(Pool::Unanswered), Some((1, full(Pool::Unanswered))));
}

/// An entry of a client is made, and blocked.
fn block(ledger: &mut Ledger, slot: u32, last: u8) -> Option<(u32, Cause)> {
    ledger.enter(slot, Pool::Answered);
    ledger.hold(slot, &client(last), Some(Held::Blocked))
}

#[test]
fn beyond_its_share_a_clients_own_oldest_goes() {
    let mut ledger = Ledger::of_flows(100, shares(3));
    for slot in 0..3 {
        assert_eq!(block(&mut ledger, 2 * slot, 1), None);
        assert_eq!(block(&mut ledger, 2 * slot + 1, 2), None);
    }
    assert_eq!(ledger.hold(0, &client(1), Some(Held::Blocked)), None, "it is that already");
    assert_eq!(block(&mut ledger, 10, 1), Some((0, Cause::Share(Held::Blocked))));
    ledger.leave(0);
    assert_eq!(ledger.hold(2, &client(1), None), None);
    assert_eq!(block(&mut ledger, 11, 1), None, "what may pass is no burden");
}

#[test]
fn clients_of_some_networks_have_no_share() {
    let exempt = ["198.18.0.0/24".parse().unwrap()].into();
    let mut ledger = Ledger::of_flows(100, Shares { exempt, ..shares(1) });
    assert!((0..9).all(|slot| block(&mut ledger, slot, 1).is_none()));
}

#[test]
fn clients_that_have_nothing_take_no_memory() {
    let mut ledger = Ledger::of_flows(100, shares(3));
    for turn in 0..1000_u32 {
        ledger.enter(0, Pool::Unanswered);
        let client = client(u8::try_from(turn % 250).unwrap());
        assert_eq!(ledger.hold(0, &client, Some(Held::Undecided)), None);
        ledger.leave(0);
    }
    assert_eq!((ledger.clients.len(), ledger.owners.len(), ledger.len), (0, 1, 0));
}

#[test]
fn parts_are_the_whole_table() {
    for entries in 0..50 {
        assert_eq!(Parts::of_flows(entries).entries(), entries);
        assert_eq!(Parts::of_notes(entries).entries(), entries);
    }
}

/// A ledger, and what is known of its entries beside it.
struct Book {
    ledger: Ledger,
    held: HashMap<u32, (u8, Held)>,
}

impl Book {
    fn step(&mut self, step: u8, owner: u8, slot: u32) {
        match (step, self.held.get(&slot).copied()) {
            (0 | 1, None) => {
                let gone = self.ledger.crowded_out(Pool::Unanswered);
                self.leave(gone);
                self.ledger.enter(slot, Pool::Unanswered);
                self.hold(slot, owner, Held::Undecided);
            }
            (0, Some(_)) => self.ledger.answered(slot),
            (1, Some(_)) => self.ledger.touch(slot),
            (2, Some((owner, _))) => self.hold(slot, owner, Held::Blocked),
            (_, Some(_)) => self.leave(Some((slot, Cause::Full(Pool::Answered)))),
            (_, None) => {}
        }
    }

    fn hold(&mut self, slot: u32, owner: u8, held: Held) {
        self.held.insert(slot, (owner, held));
        let gone = self.ledger.hold(slot, &client(owner), Some(held));
        self.leave(gone);
    }

    fn leave(&mut self, gone: Option<(u32, Cause)>) {
        if let Some((slot, _)) = gone {
            self.ledger.leave(slot);
            self.held.remove(&slot);
        }
    }
}

proptest! {
    /// However entries come, change and go: there are never more than places, and no client has more
    /// than its share.
    #[test]
    fn bounds_hold(steps in vec((0..4u8, 0..3u8, 0..16u32), 1..300)) {
        let ledger = Ledger::of_flows(7, shares(3));
        let mut book = Book { ledger, held: HashMap::new() };
        for (step, owner, slot) in steps {
            book.step(step, owner, slot);
            prop_assert!(book.held.len() <= 7 && book.ledger.len == book.held.len());
            for owner in 0..3 {
                let of = |kind| book.held.values().filter(|it| **it == (owner, kind)).count();
                prop_assert!(of(Held::Undecided) <= 2 && of(Held::Blocked) <= 3);
            }
        }
    }
}
