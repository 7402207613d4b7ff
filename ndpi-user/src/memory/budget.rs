//! How much memory flows may take beside all else: plain arithmetic.

/// How much of a limit is left free: what grows between two looks without being counted as a flow's.
const RESERVE: u64 = 16;
/// At least.
const LEAST_RESERVE: u64 = 8 << 20;

/// What flows may take in any case: else nothing would be classified.
pub(super) const LEAST_FOR_FLOWS: u64 = 4 << 20;

/// Giving back less than this is not worth what it takes.
const WORTHWHILE: u64 = 16 << 20;

/// How much of `limit` is left free.
pub(super) fn reserve(limit: u64) -> u64 {
    (limit / RESERVE).max(LEAST_RESERVE)
}

/// The least limit that leaves so much beside what is left free.
pub(super) fn least_limit(needed: u64) -> u64 {
    (needed + LEAST_RESERVE).max(needed.div_ceil(RESERVE - 1) * RESERVE)
}

/// What flows may take where `rest` is what all else takes.
pub(super) fn for_flows(limit: u64, rest: u64) -> u64 {
    limit.saturating_sub(reserve(limit)).saturating_sub(rest).max(LEAST_FOR_FLOWS)
}

/// What is known of memory at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Bytes that are taken of the system.
    pub(super) taken: u64,
    /// Bytes of flows, by the count of those who own them.
    pub(super) of_flows: u64,
}

/// The memory over time.
#[derive(Debug)]
pub(super) struct Budget {
    limit: Option<u64>,
    /// The most that flows have taken since memory was given back: what is freed stays with the allocator, which
    /// gives it to the next flows.
    peak: u64,
}

impl Budget {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit, peak: 0 }
    }

    /// Takes in a reading; what flows may take from now on, where there is a limit.
    pub(super) fn look(&mut self, reading: Reading) -> Option<u64> {
        self.peak = self.peak.max(reading.of_flows);
        let rest = reading.taken.saturating_sub(self.peak);
        Some(for_flows(self.limit?, rest))
    }

    /// Whether much can be given back, as at the last reading.
    pub(super) fn is_worthwhile(&self, reading: Reading) -> bool {
        let freed = self.peak.saturating_sub(reading.of_flows);
        let is_short = self.limit.is_some_and(|limit| reading.taken > limit - reserve(limit) / 2);
        freed >= WORTHWHILE.max(self.peak / 2) || is_short
    }

    /// Memory is given back.
    pub(super) fn given_back(&mut self, reading: Reading) {
        self.peak = reading.of_flows;
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, LEAST_FOR_FLOWS, Reading, for_flows};

    const MIB: u64 = 1 << 20;

    fn reading(taken: u64, of_flows: u64) -> Reading {
        Reading { taken: taken * MIB, of_flows: of_flows * MIB }
    }

    #[test]
    fn flows_have_what_is_left() {
        assert_eq!(for_flows(160 * MIB, 100 * MIB), 50 * MIB);
        assert_eq!(for_flows(1600 * MIB, 100 * MIB), 1400 * MIB);
        assert_eq!(for_flows(160 * MIB, 500 * MIB), LEAST_FOR_FLOWS);
        assert_eq!(Budget::new(None).look(reading(1000, 900)), None);
    }

    #[test]
    fn what_grows_beside_flows_is_taken_from_them() {
        let mut budget = Budget::new(Some(160 * MIB));
        assert_eq!(budget.look(reading(100, 0)), Some(50 * MIB));
        // As they grow, nothing changes for as long as what is measured grows by what is counted.
        assert_eq!(budget.look(reading(140, 40)), Some(50 * MIB));
        // Counted too low, or a larger policy.
        assert_eq!(budget.look(reading(150, 45)), Some(45 * MIB));
    }

    #[test]
    fn what_was_freed_is_there_for_other_flows_until_it_is_given_back() {
        let mut budget = Budget::new(Some(160 * MIB));
        budget.look(reading(150, 50));
        let freed = reading(150, 5);
        assert_eq!(budget.look(freed), Some(50 * MIB));
        assert!(budget.is_worthwhile(freed));
        budget.given_back(freed);
        let after = reading(106, 5);
        assert_eq!((budget.look(after), budget.is_worthwhile(after)), (Some(49 * MIB), false));
    }

    #[test]
    fn memory_is_given_back_after_a_flood_and_where_it_is_short() {
        let mut budget = Budget::new(None);
        for (reading, expected) in
            [(reading(500, 400), false), (reading(500, 210), false), (reading(500, 190), true)]
        {
            budget.look(reading);
            assert_eq!(budget.is_worthwhile(reading), expected, "{reading:?}");
        }
        // A little is kept.
        let mut budget = Budget::new(None);
        budget.look(reading(110, 10));
        assert!(!budget.is_worthwhile(reading(110, 0)));
        let mut budget = Budget::new(Some(160 * MIB));
        budget.look(reading(154, 50));
        assert!(!budget.is_worthwhile(reading(154, 50)));
        assert!(budget.is_worthwhile(reading(156, 50)));
    }
}
