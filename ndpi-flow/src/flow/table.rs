//! The flow table: a hash index over a slab, about eleven bytes a flow beside the flow itself.

use std::cmp::Reverse;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::entry::FlowEntry;
use super::slab::{Slab, SlotId};
use crate::key::FlowKey;
use crate::sample::Sample;
use crate::tenant::Fit;

/// All flows that one classifier owns. `F` is the detector's state of an undecided flow.
#[derive(Debug)]
pub struct FlowTable<F> {
    index: HashTable<SlotId>,
    flows: Slab<FlowEntry<F>>,
    hasher: DefaultHashBuilder,
    hand: SlotId,
}

impl<F> Default for FlowTable<F> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            flows: Slab::new(),
            hasher: DefaultHashBuilder::default(),
            hand: 0,
        }
    }
}

impl<F> FlowTable<F> {
    /// How many flows it holds.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of the flow that `sample` is of: the one with its key, and its tenant if it has one. Of
    /// several that nothing is said against, the first that fits best.
    pub fn find_for(&self, sample: &Sample) -> Option<SlotId> {
        if sample.tenant.is_none() {
            return self.find(&sample.key);
        }
        let hash = self.hasher.hash_one(sample.key);
        let fits = |&slot: &SlotId| -> Option<(Fit, Reverse<u64>, Reverse<SlotId>, SlotId)> {
            let flow = self.flows.get(slot).filter(|flow| flow.key == sample.key)?;
            let fit = flow.tenants.as_ref()?.fit(sample.tenant, sample.direction)?;
            Some((fit, Reverse(flow.first_seen_ns), Reverse(slot), slot))
        };
        self.index.iter_hash(hash).filter_map(fits).max().map(|(.., slot)| slot)
    }

    /// The slot of the flow with this key that is of no tenant.
    pub fn find(&self, key: &FlowKey) -> Option<SlotId> {
        let hash = self.hasher.hash_one(key);
        self.index.find(hash, |&slot| self.has_key(slot, key)).copied()
    }

    /// The flow with this key that is of no tenant.
    pub fn look_up(&self, key: &FlowKey) -> Option<&FlowEntry<F>> {
        self.get(self.find(key)?)
    }

    /// Adds a flow that the table must not hold yet, by its key and its tenant.
    pub fn insert(&mut self, flow: FlowEntry<F>) -> SlotId {
        let hash = self.hasher.hash_one(flow.key);
        let slot = self.flows.insert(flow);
        let (flows, hasher) = (&self.flows, &self.hasher);
        self.index.insert_unique(hash, slot, |&other| {
            flows.get(other).map_or(0, |flow| hasher.hash_one(flow.key))
        });
        slot
    }

    /// Takes a flow out.
    pub fn remove(&mut self, slot: SlotId) -> Option<FlowEntry<F>> {
        let flow = self.flows.remove(slot)?;
        let hash = self.hasher.hash_one(flow.key);
        if let Ok(found) = self.index.find_entry(hash, |&other| other == slot) {
            found.remove();
        }
        Some(flow)
    }

    /// All flows, the one first seen longest ago first; of several, in the order of their slots.
    pub fn into_oldest_first(mut self) -> impl Iterator<Item = FlowEntry<F>> {
        let mut slots: Vec<SlotId> = self.slots().collect();
        slots.sort_by_cached_key(|&slot| self.get(slot).map_or(0, |flow| flow.first_seen_ns));
        slots.into_iter().filter_map(move |slot| self.flows.remove(slot))
    }

    /// The flow in a slot.
    pub fn get(&self, slot: SlotId) -> Option<&FlowEntry<F>> {
        self.flows.get(slot)
    }

    /// The flow in a slot, to change; its key must stay.
    pub fn get_mut(&mut self, slot: SlotId) -> Option<&mut FlowEntry<F>> {
        self.flows.get_mut(slot)
    }

    /// The slot under the hand of a clock that goes round the table, one step a call; `None` where
    /// it points at a free slot. A caller that takes a few steps for every packet visits all flows
    /// at a cost that does not depend on how many there are.
    pub fn turn(&mut self) -> Option<SlotId> {
        if self.flows.end() == 0 {
            return None;
        }
        self.hand = (self.hand + 1) % self.flows.end();
        self.flows.get(self.hand).map(|_| self.hand)
    }

    /// All slots in use.
    pub fn slots(&self) -> impl Iterator<Item = SlotId> {
        (0..self.flows.end()).filter(|&slot| self.flows.get(slot).is_some())
    }

    /// Bytes that the table takes, without what the flows hold on the heap.
    pub fn table_bytes(&self) -> usize {
        self.index.allocation_size() + self.flows.bytes()
    }

    /// Gives back what was taken for flows that are gone; returns the first slot of those that are not used any more.
    pub fn shrink(&mut self) -> SlotId {
        self.flows.shrink();
        let (flows, hasher) = (&self.flows, &self.hasher);
        self.index
            .shrink_to_fit(|&slot| flows.get(slot).map_or(0, |flow| hasher.hash_one(flow.key)));
        flows.end()
    }

    fn has_key(&self, slot: SlotId, key: &FlowKey) -> bool {
        self.flows.get(slot).is_some_and(|flow| flow.key == *key && flow.tenants.is_none())
    }
}
