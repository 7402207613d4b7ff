//! Saying something at a bounded rate that others can bring about as often as they like.

use std::time::{Duration, Instant};

/// How long it takes until it is said again.
const PAUSE: Duration = Duration::from_mins(1);

/// Counts what is not said every time.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    said: Option<Instant>,
    times: u64,
}

impl Seldom {
    /// It happened once more; how often since it was last said, where it is to be said now.
    pub(crate) fn happened(&mut self, now: Instant) -> Option<u64> {
        self.times += 1;
        let is_due = self.said.is_none_or(|said| now.saturating_duration_since(said) >= PAUSE);
        is_due.then(|| {
            self.said = Some(now);
            std::mem::take(&mut self.times)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_all_the_time_is_said_once_a_minute_with_its_count() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.happened(start), Some(1));
        assert!((1..60).all(|at| seldom.happened(start + Duration::from_secs(at)).is_none()));
        assert_eq!(seldom.happened(start + PAUSE), Some(60));
    }
}
