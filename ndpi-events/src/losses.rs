//! How many events a subscriber was offered, took and missed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts a subscriber's events; cheap to clone. Each that it asked for is queued or lost, and each queued one is
/// handled or still waits.
#[derive(Clone, Debug, Default)]
pub struct Losses(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    queued: AtomicU64,
    handled: AtomicU64,
    lost: AtomicU64,
    closed: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Losses {
    /// Events that found no room in the queue, or came when the subscriber was gone.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Events that are queued or in the subscriber's hands.
    pub fn waiting(&self) -> u64 {
        let queued = self.0.queued.load(Ordering::Relaxed);
        queued.saturating_sub(self.0.handled.load(Ordering::Relaxed))
    }

    /// Whether the subscriber takes no event any more.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
    }

    /// What the subscriber cannot do at present, in words.
    pub fn failure(&self) -> Option<String> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The subscriber cannot do this at present, or all again; gives what it could not until now.
    pub fn set_failure(&self, failure: Option<String>) -> Option<String> {
        let mut said = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut said, failure)
    }

    /// The subscriber itself lost so many records, which it had taken.
    pub fn lose_many(&self, records: u64) {
        self.0.lost.fetch_add(records, Ordering::Relaxed);
    }

    /// The subscriber is done with so many events.
    pub fn handle(&self, events: u64) {
        self.0.handled.fetch_add(events, Ordering::Relaxed);
    }

    /// The subscriber takes no event any more: those to come are lost.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    /// An event is about to be queued. Counted before it is, so that none is handled that was not queued.
    pub(crate) fn offer(&self) {
        self.0.queued.fetch_add(1, Ordering::Relaxed);
    }

    /// The event that was offered found no room.
    pub(crate) fn refuse(&self) {
        self.0.queued.fetch_sub(1, Ordering::Relaxed);
        self.lose();
    }

    /// An event is lost that was not offered.
    pub(crate) fn lose(&self) {
        self.0.lost.fetch_add(1, Ordering::Relaxed);
    }
}
