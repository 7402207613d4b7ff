//! Records that are being written for long: a CPU that reserved one and was interrupted, or a virtual one that had
//! to stop, keeps the reader from all that others put behind it.

/// The stalls of one ring. Times are nanoseconds since boot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stall {
    /// Since when the reader has been kept.
    since: Option<u64>,
    longest: u64,
}

impl Stall {
    /// Notes whether the reader is kept, `now`.
    pub(super) fn note(&mut self, is_busy: bool, now: u64) {
        if let Some(since) = self.since {
            self.longest = self.longest.max(now.saturating_sub(since));
        }
        self.since = is_busy.then(|| self.since.unwrap_or(now));
    }

    /// Since when the reader has been kept, where it is.
    pub(super) fn since(&self) -> Option<u64> {
        self.since
    }

    /// For how long it was at most.
    pub(super) fn longest(&self) -> u64 {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_several_stalls_is_kept() {
        let mut stall = Stall::default();
        for (is_busy, now) in
            [(false, 1), (true, 5), (true, 7), (false, 9), (true, 20), (false, 21)]
        {
            stall.note(is_busy, now);
        }
        assert_eq!((stall.longest(), stall.since()), (4, None));
        stall.note(true, 30);
        stall.note(true, 90);
        assert_eq!((stall.longest(), stall.since()), (60, Some(30)));
    }
}
