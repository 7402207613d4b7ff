//! Memory that a classifier may take, as whoever sees the memory of all says.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::flow::Worth;

/// Given up at most with each packet, which brings no more than one flow: so that packets go on being taken where
/// much is to be given up.
pub(super) const WITH_A_PACKET: usize = 16;

/// What one classifier may take, and what it takes. Whoever sets it sees the memory of all.
#[derive(Debug)]
pub struct Allowance {
    most: AtomicUsize,
    used: AtomicUsize,
    shed: [AtomicU64; Worth::ALL.len()],
    shrinks: AtomicU64,
}

impl Default for Allowance {
    /// Without a bound.
    fn default() -> Self {
        Self::of(usize::MAX)
    }
}

impl Allowance {
    /// So many bytes, until it is told otherwise.
    pub fn of(most: usize) -> Self {
        Self {
            most: AtomicUsize::new(most),
            used: AtomicUsize::default(),
            shed: Default::default(),
            shrinks: AtomicU64::default(),
        }
    }

    /// Sets how many bytes it may take from now on.
    pub fn set(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Bytes that it takes, as far as that is known of the kinds of what it holds.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// What was given up for want of memory, by its worth.
    pub fn shed(&self) -> [u64; Worth::ALL.len()] {
        self.shed.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Has it give back what its tables have taken for flows that are gone, soon.
    pub fn shrink(&self) {
        self.shrinks.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes what it takes.
    pub(super) fn takes(&self, bytes: usize) {
        self.used.store(bytes, Ordering::Relaxed);
    }

    /// Notes that something was given up.
    pub(super) fn gave_up(&self, worth: Worth) {
        self.shed[worth as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was asked to give back what its tables have taken.
    pub(super) fn shrinks(&self) -> u64 {
        self.shrinks.load(Ordering::Relaxed)
    }

    /// Bytes that it may take.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}
