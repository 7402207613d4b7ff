//! Notes about flows that were evicted early: an entry is not knowledge.
//!
//! A decided flow that had to make room, or a blocked one whose entry was ended after minutes of
//! silence, leaves a note. Its next packet, which the kernel shows since it has no verdict any more,
//! brings the verdict back without another look by nDPI, which could make nothing of the middle of a
//! connection.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use ndpi_common::reopen::{Connections, Meaning, Opening, Place, Segment};
use ndpi_common::{Direction, State};
use ndpi_labels::Findings;

use super::adopted::Adopted;
use super::client::Client;
use super::decided::{Decided, DecidedBy};
use super::entry::{FlowEntry, Stage};
use super::ledger::{Held, Ledger, Parts, Pool, Shares};
use super::looks::Looks;
use super::places::Places;
use super::slab::{Slab, SlotId};
use super::start::Start;
use crate::key::FlowKey;
use crate::sample::Sample;
use crate::verdict::Action;

/// A note of a flow. Beside itself it takes what the texts of [`Decided`] hold, and some forty bytes
/// in the table.
#[derive(Clone, Debug)]
pub struct Note {
    key: FlowKey,
    client: Direction,
    tcp_seen: [u8; 2],
    answered: bool,
    start: Start,
    findings: Findings,
    decided: Decided,
    /// Of the policies in turn, the one that judged.
    policy: u32,
    /// When the flow is over for good, nanoseconds since the Unix epoch.
    expires_ns: u64,
    /// Bits of [`State`]: which SYN came since, and what was let through for it.
    state: u8,
    /// Where its packets came by.
    places: Places,
    /// The SYN that opened the connection, if it was seen.
    opening: Option<Opening>,
    /// The last SYN that asked for another one.
    asked: Option<Opening>,
    /// Where that came by.
    asked_at: Place,
    /// It was taken over from an instance that is gone.
    adopted: Option<Box<Adopted>>,
}

/// What a packet makes of the note on its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// It belongs to the flow: the verdict comes back.
    Stands,
    /// It asks for a new connection, or is what a host that holds the old one says to that, or belongs to a new
    /// one, as far as the kernel tells, of which the handshake is still to come here: it is let through, and nothing
    /// follows from it alone.
    Knocks,
    /// It accepts a new connection, or belongs to one of which the kernel has seen that it was accepted: the note is
    /// over.
    Over,
}

impl Note {
    /// A note of a flow with a verdict, by the `policy`th policy; `None` where it has none. `answered`
    /// says whether the other side of its client was heard.
    pub fn of<F>(
        flow: &FlowEntry<F>,
        answered: bool,
        policy: u32,
        expires_ns: u64,
    ) -> Option<Self> {
        let decided = flow.decided().filter(|it| it.verdict.is_some() && !it.given_up)?;
        let decided = Decided { details: decided.details.for_rules(), ..decided.clone() };
        let (key, client, tcp_seen) = (flow.key, flow.client, flow.tcp_seen);
        let (opening, start, findings) = (flow.opening, flow.start, flow.findings);
        let opened = if opening.is_some() { State::OPENED } else { 0 };
        let (places, state) = (flow.places, opened | flow.places.state());
        Some(Self {
            key,
            client,
            tcp_seen,
            answered,
            start,
            findings,
            decided,
            policy,
            expires_ns,
            state,
            places,
            opening,
            asked: None,
            asked_at: Place::default(),
            adopted: flow.adopted.clone(),
        })
    }

    /// Which policy judged.
    pub fn policy(&self) -> u32 {
        self.policy
    }

    /// Whether the other side of its client was heard.
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// Makes `flow`, which goes on under the same key, what it was.
    pub fn restore<F>(self, flow: &mut FlowEntry<F>) {
        (flow.client, flow.opening, flow.start) = (self.client, self.opening, self.start);
        flow.places = self.places;
        flow.adopted = self.adopted;
        for (seen, before) in flow.tcp_seen.iter_mut().zip(self.tcp_seen) {
            *seen |= before;
        }
        flow.remember_findings(self.findings);
        flow.begin_verdict();
        (flow.noted, flow.looks) = (false, Looks::used_up());
        flow.stage = Stage::Decided(Decided { by: DecidedBy::Note, ..self.decided });
    }

    fn meet(&mut self, sample: &Sample) -> Meeting {
        let Some(header) = sample.tcp_header() else { return Meeting::Stands };
        let (segment, place) = (Segment::of(&header), sample.place());
        match self.connections().meaning(segment, sample.direction, place) {
            // A SYN+ACK that is no answer says itself that there is no other connection: what the kernel has seen of
            // one is not proven by where it came from.
            Meaning::Nothing
                if !matches!(segment, Segment::Agrees(_))
                    && self.is_before(sample.accepted_opening()) =>
            {
                if self.is_over(sample) {
                    Meeting::Over
                } else {
                    Meeting::Knocks
                }
            }
            Meaning::Nothing => Meeting::Stands,
            Meaning::Remembered(opening) | Meaning::Knock(opening) => {
                (self.asked, self.asked_at) = (Some(opening), place);
                self.state = State::KNOCKED | self.places.state();
                Meeting::Knocks
            }
            Meaning::LetThrough(bits) => {
                self.state |= bits;
                Meeting::Knocks
            }
            Meaning::Over => Meeting::Over,
        }
    }

    /// Whether the kernel has seen the handshake of another connection since. Where user space is behind, its packets
    /// come here later than what follows them, or not at all.
    fn is_before(&self, now: Option<Opening>) -> bool {
        Sample::is_later(self.opening, now)
    }

    /// Whether that handshake is none that one host has forged: as for a SYN+ACK that comes here itself.
    fn is_over(&self, sample: &Sample) -> bool {
        let one_place = self.places.state() & State::ONE_PLACE != 0;
        one_place || self.is_before(sample.answered_opening())
    }

    /// What there is to say of connections, as of an entry in the kernel.
    fn connections(&self) -> Connections {
        let action = self.decided.verdict.map_or(Action::None, |verdict| verdict.action);
        Connections {
            action: action as u8,
            state: self.state,
            opening: self.asked.or(self.opening).unwrap_or_default(),
            asked_at: self.asked_at,
            both_seen: true,
            closed: false,
            idle: false,
        }
    }

    fn is_blocked(&self) -> bool {
        self.decided.verdict.is_some_and(|verdict| verdict.action.drops())
    }
}

/// Notes: so many at most, beyond that those that were made longest ago go, as [`Ledger`] has it.
#[derive(Debug)]
pub struct Notes {
    most: usize,
    index: HashTable<SlotId>,
    slots: Slab<Note>,
    hasher: DefaultHashBuilder,
    ledger: Ledger,
    lost: u64,
}

impl Notes {
    /// Room for `most` notes, of which each client has no more blocked ones than its share.
    pub fn new(most: usize, shares: Shares) -> Self {
        Self {
            most,
            index: HashTable::new(),
            slots: Slab::new(),
            hasher: DefaultHashBuilder::default(),
            ledger: Ledger::new(Parts::of_notes(most), shares),
            lost: 0,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many had to go for others while they still held.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Adds a note, in place of an earlier one on the same flow. Expired ones make room first.
    pub fn add(&mut self, note: Note, now_ns: u64) {
        if self.most == 0 {
            self.lost += 1;
            return;
        }
        self.remove(&note.key);
        self.expire(now_ns);
        let pool = match (note.is_blocked(), note.answered) {
            (false, _) => Pool::Allowed,
            (true, false) => Pool::Unanswered,
            (true, true) => Pool::Answered,
        };
        if let Some((slot, _)) = self.ledger.crowded_out(pool) {
            self.lose(slot);
        }
        let (client, held) = (Client::of(&note.key, note.client), note.is_blocked());
        let slot = self.insert(note);
        self.ledger.enter(slot, pool);
        let held = held.then_some(Held::Blocked);
        if let Some((slot, _)) = self.ledger.hold(slot, &client, held) {
            self.lose(slot);
        }
    }

    /// Whether there is a note on a flow.
    pub fn has(&self, key: &FlowKey) -> bool {
        self.find(key).is_some()
    }

    /// What `sample` makes of the note on its flow; `None` where there is none that holds.
    pub fn meet(&mut self, sample: &Sample) -> Option<Meeting> {
        let slot = self.find(&sample.key)?;
        let note = self.slots.get_mut(slot)?;
        if note.expires_ns < sample.time_ns {
            self.take(slot);
            return None;
        }
        Some(note.meet(sample))
    }

    /// Takes out the note on a flow.
    pub fn remove(&mut self, key: &FlowKey) -> Option<Note> {
        if self.is_empty() { None } else { self.take(self.find(key)?) }
    }

    /// Lets go of the note that was made longest ago, of flows that may pass or of blocked ones: first of those that
    /// nobody has answered. Whether there was one.
    pub fn shed(&mut self, blocked: bool) -> bool {
        let pools: &[Pool] =
            if blocked { &[Pool::Unanswered, Pool::Answered] } else { &[Pool::Allowed] };
        let oldest = pools.iter().find_map(|pool| self.ledger.longest_silent(*pool));
        oldest.is_some_and(|slot| self.take(slot).is_some())
    }

    /// Gives back what was taken for notes that are gone.
    pub fn shrink(&mut self) {
        self.slots.shrink();
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |&slot: &SlotId| slots.get(slot).map_or(0, |it| hasher.hash_one(it.key));
        self.index.shrink_to_fit(hash_of);
        self.ledger.shrink(slots.end());
    }

    /// Lets go of notes that have expired, of those that were made longest ago.
    pub fn expire(&mut self, now_ns: u64) {
        for pool in [Pool::Unanswered, Pool::Answered, Pool::Allowed] {
            while let Some(slot) = self.ledger.longest_silent(pool)
                && self.slots.get(slot).is_none_or(|note| note.expires_ns < now_ns)
            {
                self.take(slot);
            }
        }
    }

    fn find(&self, key: &FlowKey) -> Option<SlotId> {
        if self.is_empty() {
            return None;
        }
        let hash = self.hasher.hash_one(key);
        let is_it = |&slot: &SlotId| self.slots.get(slot).is_some_and(|note| note.key == *key);
        self.index.find(hash, is_it).copied()
    }

    fn insert(&mut self, note: Note) -> SlotId {
        let hash = self.hasher.hash_one(note.key);
        let slot = self.slots.insert(note);
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |&other: &SlotId| slots.get(other).map_or(0, |it| hasher.hash_one(it.key));
        self.index.insert_unique(hash, slot, hash_of);
        slot
    }

    fn lose(&mut self, slot: SlotId) {
        self.lost += 1;
        self.take(slot);
    }

    fn take(&mut self, slot: SlotId) -> Option<Note> {
        self.ledger.leave(slot);
        let note = self.slots.remove(slot)?;
        let hash = self.hasher.hash_one(note.key);
        if let Ok(found) = self.index.find_entry(hash, |&other| other == slot) {
            found.remove();
        }
        Some(note)
    }
}

#[cfg(test)]
mod tests;
