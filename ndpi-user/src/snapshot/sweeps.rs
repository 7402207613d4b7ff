//! How long sweeps over the verdict maps take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Sweeps until now, in microseconds: from the start until workers were told of the last flow that is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweeps {
    /// How many there were.
    pub count: u64,
    /// The last one.
    pub last_us: u64,
    /// The longest one.
    pub longest_us: u64,
}

impl Sweeps {
    /// Takes in one that has taken so long.
    pub(super) fn note(&mut self, took: Duration) {
        self.count += 1;
        self.last_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.longest_us = self.longest_us.max(self.last_us);
    }

    /// Whether there was none yet.
    pub(super) fn is_none_yet(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_stays() {
        let mut sweeps = Sweeps::default();
        assert!(sweeps.is_none_yet());
        for took in [20, 30, 10] {
            sweeps.note(Duration::from_millis(took));
        }
        assert_eq!(sweeps, Sweeps { count: 3, last_us: 10_000, longest_us: 30_000 });
        assert!(!sweeps.is_none_yet());
    }
}
