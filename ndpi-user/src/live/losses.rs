//! Packets that could not be shown, because the ring of their CPU was full.

use std::fmt;

/// Tells what is new in the counts of lost packets by CPU.
#[derive(Debug, Default)]
pub(super) struct Losses {
    before: Vec<u64>,
}

impl Losses {
    /// What each CPU lost since the last call, whose counts are now `now`.
    pub(super) fn since(&mut self, now: Vec<u64>) -> Vec<u64> {
        let before = self.before.iter().copied().chain(std::iter::repeat(0));
        let news = now.iter().zip(before).map(|(now, before)| now.saturating_sub(before));
        let news = news.collect();
        self.before = now;
        news
    }
}

/// The CPUs that lost packets, and how many each: `CPU 1: 120, CPU 6: 4`; nothing where none did.
pub fn losses_by_cpu(lost: &[u64]) -> impl fmt::Display + '_ {
    fmt::from_fn(|f| {
        let mut lossy = lost.iter().enumerate().filter(|(_, lost)| **lost > 0);
        if let Some((cpu, lost)) = lossy.next() {
            write!(f, "CPU {cpu}: {lost}")?;
        }
        lossy.try_for_each(|(cpu, lost)| write!(f, ", CPU {cpu}: {lost}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cpus_that_lost_something_are_named() {
        assert_eq!(losses_by_cpu(&[0, 120, 0, 4]).to_string(), "CPU 1: 120, CPU 3: 4");
        assert_eq!(losses_by_cpu(&[7]).to_string(), "CPU 0: 7");
        assert_eq!(losses_by_cpu(&[0, 0]).to_string(), "");
    }

    #[test]
    fn news_are_what_was_lost_since() {
        let mut losses = Losses::default();
        assert_eq!(losses.since(vec![0, 3]), [0, 3]);
        assert_eq!(losses.since(vec![0, 3]), [0, 0]);
        assert_eq!(losses.since(vec![2, 10]), [2, 7]);
    }
}
