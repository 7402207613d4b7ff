//! Opening files again: after SIGHUP, as others may have moved them away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often it was asked for; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Reopen(Arc<AtomicU64>);

/// Who follows it.
#[derive(Debug)]
pub(crate) struct Reopened {
    asked: Reopen,
    done: u64,
}

impl Reopen {
    /// Asks for all files to be opened again, before the next record.
    pub fn ask(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn follow(&self) -> Reopened {
        Reopened { asked: self.clone(), done: self.0.load(Ordering::Relaxed) }
    }
}

impl Reopened {
    /// Whether it was asked for since the last call.
    pub(crate) fn is_asked_for(&mut self) -> bool {
        let asked = self.asked.0.load(Ordering::Relaxed);
        std::mem::replace(&mut self.done, asked) != asked
    }
}
