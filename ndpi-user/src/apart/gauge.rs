//! How the process that nDPI works in has fared, for snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::exchange::wake;
use super::memory::Memory;
use crate::snapshot::NdpiProcess;

/// What the deaths of workers have cost, over all threads.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Flows that are shown to nDPI no more, as a packet of theirs has ended it.
    pub(super) set_aside: AtomicU64,
    /// Flows of which nDPI had seen something that was lost, and saw the rest.
    pub(super) states_lost: AtomicU64,
}

impl Counts {
    pub(super) fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads it at any time.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    memory: Arc<Memory>,
    counts: Arc<Counts>,
}

impl Gauge {
    pub(super) fn new(memory: &Arc<Memory>, counts: &Arc<Counts>) -> Self {
        Self { memory: Arc::clone(memory), counts: Arc::clone(counts) }
    }

    /// The processes of the keeper and of the worker, as they say: 0 where there is none yet.
    pub(crate) fn processes(&self) -> [u32; 2] {
        self.memory.head().processes.each_ref().map(|it| it.load(Ordering::Acquire))
    }

    /// Has the worker give back memory that was freed.
    pub(crate) fn give_memory_back(&self) {
        let head = self.memory.head();
        head.trims.fetch_add(1, Ordering::AcqRel);
        wake(&head.trims);
    }

    /// How it has fared until now.
    pub(crate) fn read(&self) -> NdpiProcess {
        let head = self.memory.head();
        NdpiProcess {
            ended: head.deaths.count.load(Ordering::Acquire).into(),
            set_aside: self.counts.set_aside.load(Ordering::Relaxed),
            states_lost: self.counts.states_lost.load(Ordering::Relaxed),
            pausing: head.pausing.load(Ordering::Acquire) == 1,
        }
    }
}
