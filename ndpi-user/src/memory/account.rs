//! An account of the memory that an instance takes, for whoever bounds it and whoever makes snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ndpi_events::Word;
use ndpi_flow::{Allowance, Worth};

use super::meter::Taken;
use crate::snapshot::MemoryState;

/// What it takes and may take; shared by all threads.
#[derive(Debug, Default)]
pub struct Account {
    limit: Option<u64>,
    /// What the flows of each worker may take.
    allowances: Vec<Arc<Allowance>>,
    session: AtomicU64,
    ndpi: AtomicU64,
}

impl Account {
    /// Of so many workers, which have `each` bytes for flows until it is known better; without a limit, as many as
    /// they like.
    pub(crate) fn new(workers: usize, limit: Option<(u64, u64)>) -> Self {
        let each =
            limit.map_or(usize::MAX, |(_, each)| usize::try_from(each).unwrap_or(usize::MAX));
        Self {
            limit: limit.map(|(limit, _)| limit),
            allowances: (0..workers).map(|_| Arc::new(Allowance::of(each))).collect(),
            ..Self::default()
        }
    }

    /// Bytes that all of it may be at most.
    pub(super) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// What the flows of a worker may take.
    pub(crate) fn allowance(&self, worker: usize) -> Arc<Allowance> {
        self.allowances.get(worker).map(Arc::clone).unwrap_or_default()
    }

    /// Bytes that flows take, by the count of those who own them.
    pub(super) fn of_flows(&self) -> u64 {
        self.allowances.iter().map(|it| it.used() as u64).sum()
    }

    /// Lets flows take so many bytes.
    pub(super) fn allow(&self, bytes: u64) {
        let each = bytes / self.allowances.len().max(1) as u64;
        let each = usize::try_from(each).unwrap_or(usize::MAX);
        self.allowances.iter().for_each(|it| it.set(each));
    }

    /// Has the workers give back what their tables have taken for flows that are gone.
    pub(super) fn shrink(&self) {
        self.allowances.iter().for_each(|it| it.shrink());
    }

    /// Notes what was measured.
    pub(super) fn note(&self, taken: Taken) {
        self.session.store(taken.session, Ordering::Relaxed);
        self.ndpi.store(taken.ndpi, Ordering::Relaxed);
    }

    /// What was given up for want of memory, by what it was worth.
    pub(super) fn shed(&self) -> [u64; Worth::ALL.len()] {
        let mut sum = [0; Worth::ALL.len()];
        for allowance in &self.allowances {
            sum.iter_mut().zip(allowance.shed()).for_each(|(sum, count)| *sum += count);
        }
        sum
    }

    /// How it is now.
    pub(crate) fn state(&self) -> MemoryState {
        let shed = Worth::ALL.iter().zip(self.shed()).filter(|(_, count)| *count > 0);
        MemoryState {
            session: self.session.load(Ordering::Relaxed),
            ndpi: self.ndpi.load(Ordering::Relaxed),
            flows: self.of_flows(),
            limit: self.limit,
            shed: shed
                .map(|(worth, count)| (Word::from(worth.name()), count))
                .collect::<BTreeMap<_, _>>(),
        }
    }
}
