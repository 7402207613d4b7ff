//! The datagrams that are being put together, shared by all classifiers of a program.
//!
//! It has a bounded number of places for each of a bounded number of groups of senders: whoever sends fragments of which
//! nothing comes displaces only their like.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndpi_common::{Direction, FragmentKey};

use super::datagram::{Added, Datagram};
use super::piece::Piece;
use crate::key::FlowKey;
use crate::sample::Sample;
use crate::tenant::Tenant;

/// Groups of senders.
const GROUPS: usize = 64;
/// Datagrams of a group that are put together at a time: of more, the oldest is forgotten.
const OF_A_GROUP: usize = 16;
/// How long a datagram may take, as Linux has it (`IP_FRAG_TIME`).
const PATIENCE_NS: u64 = 30_000_000_000;

/// What tells datagrams apart. A flow's own port numbers do not matter: its later fragments have none.
type Id = (FragmentKey, Tenant);
/// The flow of a datagram, and which way it goes.
type Flow = (FlowKey, Direction);

/// Datagrams that come in fragments.
#[derive(Debug)]
pub struct Fragments {
    groups: Box<[Mutex<VecDeque<Open>>]>,
    hasher: RandomState,
    /// Those that were made whole by a fragment that does not know its flow.
    whole: Mutex<VecDeque<Whole>>,
    /// How many these are.
    waiting: AtomicUsize,
}

/// A datagram that is being put together.
#[derive(Debug)]
struct Open {
    id: Id,
    /// Its flow, once a fragment has told.
    flow: Option<Flow>,
    since_ns: u64,
    datagram: Datagram,
}

/// A datagram that is whole, for who has its flow.
#[derive(Debug)]
pub(crate) struct Whole {
    /// Its flow.
    pub(crate) key: FlowKey,
    /// The packet.
    pub(crate) l3: Vec<u8>,
    /// Whether more of it was sent than is there.
    pub(crate) is_cut: bool,
    /// Which way it goes, and the rest of what is known of the fragment that made it whole.
    pub(crate) direction: Direction,
    pub(crate) time_ns: u64,
    pub(crate) clock_ns: u64,
    pub(crate) ifindex: u32,
    pub(crate) ingress: bool,
}

/// The outcome for a fragment.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It waits for others, or brought nothing.
    Waits,
    /// It brought what was there, and it was not the same.
    Differs,
    /// Its datagram is whole, or as much as is kept of it, where the flag is set.
    Whole(Vec<u8>, bool),
    /// Its datagram is discarded, as fragments overlap.
    Overlaps,
    /// Its datagram is discarded.
    Discarded,
}

impl Default for Fragments {
    fn default() -> Self {
        Self {
            groups: (0..GROUPS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            whole: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }
}

impl Fragments {
    /// Takes the fragment `piece`, which `sample` shows.
    pub(crate) fn take(&self, sample: &Sample, piece: &Piece) -> Taken {
        let id = id(sample, piece);
        let mut group = self.group(&id.0);
        forget_old(&mut group, sample.clock_ns);
        let place = group.iter().position(|open| open.id == id).unwrap_or_else(|| {
            if group.len() >= OF_A_GROUP {
                group.pop_front();
            }
            group.push_back(Open::new(id, sample.clock_ns));
            group.len() - 1
        });
        let open = &mut group[place];
        if !sample.stray {
            open.flow = Some((sample.key, sample.direction));
        }
        let added = open.datagram.add(piece);
        match added {
            Added::Waits | Added::Copy => Taken::Waits,
            Added::DifferingCopy => Taken::Differs,
            Added::Overlap | Added::Contradiction => {
                group.remove(place);
                if added == Added::Overlap { Taken::Overlaps } else { Taken::Discarded }
            }
            Added::Whole => {
                let open = group.remove(place);
                drop(group);
                open.map_or(Taken::Waits, |open| self.whole(&open, sample))
            }
        }
    }

    /// Hands out a datagram that is whole, or leaves it for who has its flow.
    fn whole(&self, open: &Open, sample: &Sample) -> Taken {
        let (Some(l3), is_cut) = (open.datagram.packet(), open.datagram.is_cut()) else {
            return Taken::Discarded;
        };
        if !sample.stray {
            return Taken::Whole(l3, is_cut);
        }
        // The first fragment was none of those that do not know their flow.
        if let Some((key, direction)) = open.flow {
            let &Sample { time_ns, clock_ns, ifindex, ingress, .. } = sample;
            let mut whole = locked(&self.whole);
            if whole.len() >= GROUPS * OF_A_GROUP {
                whole.pop_front();
            }
            let all = Whole { key, l3, is_cut, direction, time_ns, clock_ns, ifindex, ingress };
            whole.push_back(all);
            self.waiting.store(whole.len(), Ordering::Release);
        }
        Taken::Waits
    }

    /// Whether datagrams are whole that wait for who has their flow.
    pub(crate) fn has_whole(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Those whose flows `is_own` knows.
    pub(crate) fn take_whole(&self, is_own: impl Fn(&FlowKey) -> bool) -> Vec<Whole> {
        let mut whole = locked(&self.whole);
        let (own, others) = mem::take(&mut *whole).into_iter().partition(|one| is_own(&one.key));
        *whole = others;
        self.waiting.store(whole.len(), Ordering::Release);
        Vec::from(own)
    }

    /// Whether a datagram of a flow waits for fragments.
    pub(crate) fn wait_for(&self, flow: &FlowKey, direction: Direction) -> bool {
        let group = self.group(&FragmentKey::new(flow, direction, 0));
        let own = Some((*flow, direction));
        group.iter().any(|open| open.flow == own)
    }

    /// What has come of the datagrams of a flow of which no more will be seen, as packets, as far as their beginnings
    /// have; they are forgotten.
    pub(crate) fn take_rest(&self, flow: &FlowKey) -> Vec<Vec<u8>> {
        let mut rest = Vec::new();
        for direction in [Direction::FromLower, Direction::FromUpper] {
            let mut group = self.group(&FragmentKey::new(flow, direction, 0));
            group.retain(|open| {
                let is_own = open.flow.is_some_and(|(key, _)| key == *flow);
                rest.extend(open.datagram.packet().filter(|_| is_own));
                !is_own
            });
        }
        rest
    }

    /// The datagrams of the group that a sender is in.
    fn group(&self, key: &FragmentKey) -> MutexGuard<'_, VecDeque<Open>> {
        let sender = if key.kind & 1 == 0 { key.lower } else { key.upper };
        let hash = self.hasher.hash_one(sender);
        locked(&self.groups[usize::try_from(hash % GROUPS as u64).unwrap_or(0)])
    }

    /// How many bytes are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let groups = self.groups.iter().map(locked);
        groups.map(|group| group.iter().map(|open| open.datagram.kept()).sum::<usize>()).sum()
    }
}

impl Open {
    fn new(id: Id, since_ns: u64) -> Self {
        Self { id, flow: None, since_ns, datagram: Datagram::default() }
    }
}

fn id(sample: &Sample, piece: &Piece) -> Id {
    (FragmentKey::new(&sample.key, sample.direction, piece.id), sample.tenant)
}

/// Forgets what has taken too long. The oldest are in front.
fn forget_old(group: &mut VecDeque<Open>, clock_ns: u64) {
    while group.front().is_some_and(|open| clock_ns.saturating_sub(open.since_ns) > PATIENCE_NS) {
        group.pop_front();
    }
}

/// What a panic left is as good as what comes next: a datagram more or less.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
