//! Whether the thread that has answered lets others go first, or sleeps until it is asked again.
//!
//! To be woken costs more than to be asked: where one question has followed the other at once, the next one is likely
//! to, and who asks it finds this one awake. Where questions come now and then, the processor is left to others.

use std::time::Duration;

/// How long others go first: longer than a worker takes from one flow to the next when it has much to do.
pub(super) const YIELDING: Duration = Duration::from_micros(50);

/// What is known of how soon questions follow.
#[derive(Debug, Default)]
pub(super) struct Haste {
    /// The last one came so soon.
    is_soon: bool,
}

impl Haste {
    /// For how long others are to go first.
    pub(super) fn yielding(&self) -> Duration {
        if self.is_soon { YIELDING } else { Duration::ZERO }
    }

    /// It took so long until there was another question.
    pub(super) fn waited(&mut self, long: Duration) {
        self.is_soon = long < YIELDING;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_now_and_then_sleeps_at_once() {
        let mut haste = Haste::default();
        assert_eq!(haste.yielding(), Duration::ZERO);
        haste.waited(YIELDING / 2);
        assert_eq!(haste.yielding(), YIELDING);
        haste.waited(YIELDING);
        assert_eq!(haste.yielding(), Duration::ZERO);
    }
}
