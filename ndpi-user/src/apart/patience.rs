//! Whether the thread that has asked lets others go first, or sleeps.
//!
//! On a machine with an idle CPU, sleeping would have the answer wake that CPU, which takes long. On one where all are
//! busy, letting others go first lets all of them go first, and takes longer still, while who sleeps has its turn soon.
//! So the one is done until it took too long, and then not again for a while.

use std::time::{Duration, Instant};

/// How long others go first: longer than most packets take nDPI.
const YIELDING: Duration = Duration::from_micros(50);
/// How much longer for each further question of a message.
const FURTHER: Duration = Duration::from_micros(12);
/// After so long, somebody else had the CPU.
const LONG: Duration = Duration::from_millis(1);
/// For how long it is not tried again, the first time and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(2)];

/// One thread's patience.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// When it is tried again.
    again: Option<Instant>,
    pause: Duration,
}

impl Patience {
    /// For how long others are to go first who are asked so many questions.
    pub(super) fn at(&self, now: Instant, questions: usize) -> Duration {
        let is_pause = self.again.is_some_and(|again| now < again);
        if is_pause { Duration::ZERO } else { YIELDING + further(questions) }
    }

    /// Others went first who were asked so many questions, and it took so long until `now`.
    pub(super) fn took(&mut self, long: Duration, questions: usize, now: Instant) {
        let [first, most] = PAUSES;
        let long = long.saturating_sub(further(questions));
        if long > LONG {
            self.pause = (2 * self.pause).clamp(first, most);
            self.again = Some(now + self.pause);
        } else if long < YIELDING {
            self.pause = Duration::ZERO;
        }
    }
}

/// What so many questions take more than one.
fn further(questions: usize) -> Duration {
    FURTHER * u32::try_from(questions.saturating_sub(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_others_take_long_they_do_not_go_first_for_a_while() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        patience.took(Duration::from_micros(9), 1, now);
        assert_eq!(patience.at(now, 1), YIELDING);
        patience.took(4 * LONG, 1, now);
        let later = |ms| now + Duration::from_millis(ms);
        assert_eq!(
            [0, 19, 20].map(|ms| patience.at(later(ms), 1) > Duration::ZERO),
            [false, false, true]
        );
        patience.took(4 * LONG, 1, later(20));
        assert_eq!([59, 60].map(|ms| patience.at(later(ms), 1) > Duration::ZERO), [false, true]);
        for _ in 0..20 {
            patience.took(4 * LONG, 1, now);
        }
        assert_eq!(
            [1999, 2000].map(|ms| patience.at(later(ms), 1) > Duration::ZERO),
            [false, true]
        );
        // Once it was quick again, it is as it was.
        patience.took(Duration::from_micros(9), 1, later(2000));
        patience.took(4 * LONG, 1, later(2001));
        assert_eq!(patience.at(later(2021), 1), YIELDING);
    }

    #[test]
    fn so_many_questions_take_longer_and_hide_nobody_who_had_the_cpu() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        assert_eq!(patience.at(now, 11), YIELDING + 10 * FURTHER);
        patience.took(10 * FURTHER, 11, now);
        assert!(patience.at(now, 11) > Duration::ZERO);
        // As long as a thread has the CPU that has much to do.
        patience.took(Duration::from_millis(3), 11, now);
        assert_eq!(patience.at(now, 11), Duration::ZERO);
    }
}
