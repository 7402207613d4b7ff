//! How often workers are started again: not for a while, where they die all the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many deaths within that time, and no worker is started for a while.
const MOST_DEATHS: usize = 5;
const WITHIN: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_mins(1);

/// The last deaths, and what comes of them.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    deaths: VecDeque<Instant>,
    pause_ends: Option<Instant>,
}

impl Restarts {
    /// Notes that a worker has ended.
    pub(super) fn note(&mut self, now: Instant) {
        self.deaths.retain(|&death| now.duration_since(death) < WITHIN);
        self.deaths.push_back(now);
        if self.deaths.len() >= MOST_DEATHS {
            self.deaths.clear();
            self.pause_ends = Some(now + PAUSE);
        }
    }

    /// Whether none is to be started now.
    pub(super) fn is_pausing(&self, now: Instant) -> bool {
        self.pause_ends.is_some_and(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant, MOST_DEATHS, PAUSE, Restarts, WITHIN};

    /// Notes deaths a tenth of the time apart in which few are allowed.
    fn die(restarts: &mut Restarts, from: Instant, deaths: usize) -> Instant {
        (0..deaths).fold(from, |now, _| {
            restarts.note(now);
            now + WITHIN / 10
        })
    }

    #[test]
    fn after_five_deaths_in_a_minute_none_is_started_for_a_minute() {
        let (mut restarts, began) = (Restarts::default(), Instant::now());
        let now = die(&mut restarts, began, MOST_DEATHS - 1);
        assert!(!restarts.is_pausing(now));
        restarts.note(now);
        assert!(restarts.is_pausing(now) && restarts.is_pausing(now + PAUSE / 2));
        let after = now + PAUSE;
        assert!(!restarts.is_pausing(after));
        // As many again are borne then.
        let now = die(&mut restarts, after, MOST_DEATHS - 1);
        assert!(!restarts.is_pausing(now));
        restarts.note(now);
        assert!(restarts.is_pausing(now));
    }

    #[test]
    fn deaths_that_are_far_apart_are_borne_for_ever() {
        let (mut restarts, mut now) = (Restarts::default(), Instant::now());
        for _ in 0..100 {
            now += WITHIN / 4 + Duration::from_millis(1);
            restarts.note(now);
            assert!(!restarts.is_pausing(now));
        }
    }
}
