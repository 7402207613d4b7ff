//! Bounds of reading a policy: many times what the largest takes.

use std::time::Duration;

/// What a child may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Seconds of a processor.
    pub(super) cpu_seconds: u64,
    /// Bytes of data, that of the process it is forked from included.
    pub(super) memory: u64,
    /// Time for all of it, with that until files are left alone by whoever writes them.
    pub(super) time: Duration,
}

impl Bounds {
    /// Of an instance which has so many bytes itself; `None` where it has as many as it takes.
    pub(crate) fn beside(memory_max: Option<u64>) -> Self {
        let usual = 2 << 30;
        Self {
            cpu_seconds: 60,
            memory: memory_max.map_or(usual, |most| most.min(usual)),
            time: Duration::from_mins(3),
        }
    }

    /// Bytes that what is handed over may have: in memory, it is some times as much.
    pub(super) fn handed(self) -> usize {
        usize::try_from(self.memory / 4).unwrap_or(usize::MAX)
    }
}
