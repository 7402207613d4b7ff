//! Who must go when a table has no room for one more: pools keep floods to themselves, shares keep
//! clients to themselves.
//!
//! A table has places for so many entries. While there are free ones anybody may take them; when
//! there are none, the pool that is furthest above its part gives up the entry that was silent for
//! longest. An entry that no other side has answered (no SYN+ACK, no reply) is in a pool of its own
//! with a quarter of the table: whoever makes up senders displaces what nobody answered, and nothing
//! else. Apart from that, a client has so many undecided and so many blocked entries at most; beyond
//! that, its own oldest goes.

use std::hash::RandomState;
use std::sync::Arc;

use hashbrown::HashMap;
use ipnet::IpNet;

use super::client::Client;
use super::order::{Order, Worth};
use super::queues::{QueueId, Queues};
use super::slab::SlotId;

/// Which part of a table an entry counts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Nobody has answered its client.
    Unanswered = 0,
    /// The other side has answered.
    Answered = 1,
    /// Only of notes: the flow may pass.
    Allowed = 2,
}

impl Pool {
    const ALL: [Self; 3] = [Self::Unanswered, Self::Answered, Self::Allowed];

    /// The word for it in records and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::Answered => "answered",
            Self::Allowed => "allowed",
        }
    }
}

/// How many entries each [`Pool`] may keep when the table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts([usize; 3]);

impl Parts {
    /// A table in which all entries are alike.
    pub(super) fn one(entries: usize) -> Self {
        Self([entries, 0, 0])
    }

    /// A quarter for what nobody has answered.
    pub(super) fn of_flows(entries: usize) -> Self {
        let unanswered = entries.div_ceil(4);
        Self([unanswered, entries - unanswered, 0])
    }

    /// The same, and a quarter for flows that may pass.
    pub(super) fn of_notes(entries: usize) -> Self {
        let (unanswered, allowed) = (entries.div_ceil(4), entries / 4);
        Self([unanswered, entries - unanswered - allowed, allowed])
    }

    fn entries(self) -> usize {
        self.0.iter().sum()
    }
}

/// What a client's share is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// Flows without a verdict.
    Undecided,
    /// Flows that are dropped or rejected.
    Blocked,
}

impl Held {
    /// The word for it in records and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Blocked => "blocked",
        }
    }
}

/// How many entries one client may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Undecided flows.
    pub undecided: usize,
    /// Blocked flows.
    pub blocked: usize,
    /// Notes of blocked flows.
    pub noted: usize,
    /// Clients in these networks have no bound: many hosts behind one address.
    pub exempt: Arc<[IpNet]>,
}

impl Default for Shares {
    /// No bounds.
    fn default() -> Self {
        Self {
            undecided: usize::MAX,
            blocked: usize::MAX,
            noted: usize::MAX,
            exempt: Arc::default(),
        }
    }
}

impl Shares {
    /// The share of `client`.
    fn of(&self, client: &Client, held: Held) -> usize {
        let address = client.address();
        if self.exempt.iter().any(|network| network.contains(&address)) {
            return usize::MAX;
        }
        match held {
            Held::Undecided => self.undecided,
            Held::Blocked => self.blocked,
        }
    }
}

/// Why an entry has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// All places are taken, and this pool gives one up.
    Full(Pool),
    /// The client has its share.
    Share(Held),
    /// There is no memory for it, and it is worth that little.
    Memory(Worth),
}

/// The account of one table, whose entries have numbers.
#[derive(Debug)]
pub struct Ledger {
    parts: Parts,
    shares: Shares,
    len: usize,
    /// Entries by [`Pool`], those that were silent for longest first.
    pools: Queues,
    /// Entries by what they are worth, where memory is bounded.
    order: Option<Order>,
    /// Entries by client, the oldest first.
    held: Queues,
    /// The queue of each client.
    clients: HashMap<(Client, Held), QueueId, RandomState>,
    /// The other way round.
    owners: Vec<(Client, Held)>,
    /// Queues that nobody has.
    free: Vec<QueueId>,
}

impl Ledger {
    pub(super) fn new(parts: Parts, shares: Shares) -> Self {
        Self {
            parts,
            shares,
            len: 0,
            pools: Queues::default(),
            order: None,
            held: Queues::default(),
            clients: HashMap::default(),
            owners: Vec::new(),
            free: Vec::new(),
        }
    }

    /// All entries are alike: the one that was silent for longest goes.
    pub fn of_one_pool(entries: usize) -> Self {
        Self::new(Parts::one(entries), Shares::default())
    }

    /// The account of a table of flows.
    pub fn of_flows(entries: usize, shares: Shares) -> Self {
        Self::new(Parts::of_flows(entries), shares)
    }

    /// Keeps account of what flows are worth from now on. To be called before the first one.
    pub fn keep_order(&mut self) {
        self.order = Some(Order::default());
    }

    /// An entry was made.
    pub fn enter(&mut self, slot: SlotId, pool: Pool) {
        self.len += 1;
        self.pools.push(pool as QueueId, slot);
    }

    /// The pool that an entry is in.
    pub fn pool(&self, slot: SlotId) -> Option<Pool> {
        Pool::ALL.get(self.pools.queue_of(slot)? as usize).copied()
    }

    /// The other side of an entry's client has answered.
    pub fn answered(&mut self, slot: SlotId) {
        if self.pool(slot) == Some(Pool::Unanswered) {
            self.pools.push(Pool::Answered as QueueId, slot);
            if let Some(order) = &mut self.order {
                order.answered(slot);
            }
        }
    }

    /// A packet of the entry's flow was seen.
    pub fn touch(&mut self, slot: SlotId) {
        self.pools.touch(slot);
        if let Some(order) = &mut self.order {
            order.touch(slot);
        }
    }

    /// What an entry is, as far as its client's share goes. Returns who of the client's own has to go
    /// for it.
    #[must_use]
    pub fn hold(
        &mut self,
        slot: SlotId,
        client: &Client,
        held: Option<Held>,
    ) -> Option<(SlotId, Cause)> {
        let worth = self.worth(slot, held);
        if let Some(order) = &mut self.order {
            order.put(slot, worth);
        }
        let bounded = |held: &Held| self.shares.of(client, *held) < usize::MAX;
        let Some(held) = held.filter(bounded) else {
            self.release(slot);
            return None;
        };
        let queue = self.queue(client, held);
        if self.held.queue_of(slot) == Some(queue) {
            return None;
        }
        self.release(slot);
        self.held.push(queue, slot);
        let is_beyond = self.held.len(queue) > self.shares.of(client, held).max(1);
        is_beyond.then(|| self.held.first(queue).map(|oldest| (oldest, Cause::Share(held))))?
    }

    /// An entry is gone.
    pub fn leave(&mut self, slot: SlotId) {
        if self.pools.remove(slot).is_some() {
            self.len -= 1;
        }
        if let Some(order) = &mut self.order {
            order.leave(slot);
        }
        self.release(slot);
    }

    /// The flow that goes next for want of memory, of those that are worth this; none where no account of that is
    /// kept.
    pub fn first_of(&self, worth: Worth) -> Option<SlotId> {
        self.order.as_ref()?.first(worth)
    }

    /// How many flows are undecided, where account of that is kept.
    pub fn undecided(&self) -> Option<usize> {
        self.order.as_ref().map(Order::undecided)
    }

    /// Frees what is kept for slots from `end` on, of which none is in use, and for clients that are gone.
    pub fn shrink(&mut self, end: SlotId) {
        self.pools.shrink(end);
        self.held.shrink(end);
        if let Some(order) = &mut self.order {
            order.shrink(end);
        }
        self.clients.shrink_to_fit();
    }

    /// The entry that goes when there is to be one more in `pool`; `None` where there is room.
    pub fn crowded_out(&self, pool: Pool) -> Option<(SlotId, Cause)> {
        if self.len < self.parts.entries().max(1) {
            return None;
        }
        let above = |candidate: Pool| {
            let len = self.pools.len(candidate as QueueId) + usize::from(candidate == pool);
            (len.cast_signed() - self.parts.0[candidate as usize].cast_signed(), candidate == pool)
        };
        let full = Pool::ALL.into_iter().filter(|it| self.pools.len(*it as QueueId) > 0);
        let from = full.max_by_key(|candidate| above(*candidate))?;
        Some((self.pools.first(from as QueueId)?, Cause::Full(from)))
    }

    fn worth(&self, slot: SlotId, held: Option<Held>) -> Worth {
        match held {
            Some(Held::Undecided) if self.pool(slot) == Some(Pool::Unanswered) => Worth::Unanswered,
            Some(Held::Undecided) => Worth::Undecided,
            Some(Held::Blocked) => Worth::Blocked,
            None => Worth::Passing,
        }
    }

    /// The entry that was silent for longest in a pool.
    pub(super) fn longest_silent(&self, pool: Pool) -> Option<SlotId> {
        self.pools.first(pool as QueueId)
    }

    fn queue(&mut self, client: &Client, held: Held) -> QueueId {
        let owner = (*client, held);
        let (owners, free) = (&mut self.owners, &mut self.free);
        *self.clients.entry(owner).or_insert_with(|| {
            if let Some(queue) = free.pop() {
                owners[queue as usize] = owner;
                return queue;
            }
            owners.push(owner);
            // No more than there are entries, which have numbers of 32 bits.
            QueueId::try_from(owners.len() - 1).unwrap_or(QueueId::MAX)
        })
    }

    /// Takes an entry out of its client's share.
    fn release(&mut self, slot: SlotId) {
        let Some(queue) = self.held.remove(slot) else { return };
        if self.held.len(queue) == 0 {
            self.clients.remove(&self.owners[queue as usize]);
            self.free.push(queue);
        }
    }
}

#[cfg(test)]
mod tests;
