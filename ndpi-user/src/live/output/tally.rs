//! What became of the lines: queued, written, lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts lines. Every line is queued or lost, and every queued one is written or lost in the end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    queued: AtomicU64,
    written: AtomicU64,
    lost: AtomicU64,
    /// Bytes that the target took: whether something moves.
    bytes: AtomicU64,
    closed: AtomicBool,
}

impl Tally {
    /// A line is about to be queued. Counted before it is, so that no line is written that was not
    /// queued.
    pub(super) fn offer(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    /// The line that was offered found no room.
    pub(super) fn refuse(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.lose(1);
    }

    /// Lines are lost that were not queued.
    pub(super) fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
    }

    /// Queued lines are written.
    pub(super) fn wrote(&self, lines: u64) {
        self.written.fetch_add(lines, Ordering::Relaxed);
    }

    /// The target took some bytes.
    pub(super) fn took(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Nobody can read what is written any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Lines that are queued or in the writer's hand.
    pub(super) fn unwritten(&self) -> u64 {
        let queued = self.queued.load(Ordering::Relaxed);
        queued.saturating_sub(self.written.load(Ordering::Relaxed))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
