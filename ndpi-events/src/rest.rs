//! When a subscriber that was woken may be woken again.
//!
//! To wake a thread costs the one that publishes several times what the event does. A subscriber that has taken
//! all there was is woken by the next event, so at tens of thousands of them a second each would wake it. Nobody
//! is woken while it rests: what comes meanwhile waits in the queue, and is taken together.

use std::time::{Duration, Instant};

/// The least time between two wake-ups. A queue of a few thousand events has room for what comes meanwhile, and
/// whoever reads records sees no difference.
const REST: Duration = Duration::from_millis(2);

/// When a subscriber was woken last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rest {
    woken: Option<Instant>,
}

impl Rest {
    /// It was woken at `now`.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.woken = Some(now);
    }

    /// How long it is to rest before it lets others wake it, at `now`; nothing when it was woken long ago.
    pub(crate) fn left(self, now: Instant) -> Duration {
        self.woken.map_or(Duration::ZERO, |woken| {
            REST.saturating_sub(now.saturating_duration_since(woken))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_woken_a_moment_ago_rests_first() {
        let (mut rest, now) = (Rest::default(), Instant::now());
        assert_eq!(rest.left(now), Duration::ZERO, "the first event is taken at once");
        rest.wake(now);
        assert_eq!(rest.left(now), REST);
        assert_eq!(rest.left(now + REST / 4), REST * 3 / 4);
        assert_eq!(rest.left(now + REST), Duration::ZERO);
        assert_eq!(rest.left(now + REST * 1000), Duration::ZERO);
    }
}
