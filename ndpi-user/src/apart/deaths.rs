//! How workers have ended, and what that has cost.

use std::sync::atomic::{AtomicU32, Ordering};

/// The last deaths that are remembered: a thread looks for that of its worker much sooner.
const KEPT: usize = 64;

/// Signals for something that a thread has done wrong itself.
pub(super) const FAULTS: [i32; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// How the last workers have ended, in shared memory.
#[repr(C)]
pub(super) struct Deaths {
    /// How many have.
    pub(super) count: AtomicU32,
    /// By the worker's number: the signal, or 0 where it ended by itself.
    signals: [AtomicU32; KEPT],
}

impl Deaths {
    /// Notes how a worker has ended, before that it has.
    pub(super) fn note(&self, worker: u32, signal: Option<i32>) {
        let signal = signal.unwrap_or(0).cast_unsigned();
        self.signals[worker as usize % KEPT].store(signal, Ordering::Release);
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    /// The signal that has ended a worker.
    pub(super) fn signal(&self, worker: u32) -> i32 {
        self.signals[worker as usize % KEPT].load(Ordering::Acquire).cast_signed()
    }

    /// Whether a worker has ended by a fault of its own, not as somebody else ended it.
    pub(super) fn is_fault(&self, worker: u32) -> bool {
        let signal = self.signal(worker);
        // The last is the process's, for the CPU time that it took.
        signal == 0 || FAULTS.contains(&signal) || signal == libc::SIGXCPU
    }
}
