//! Durations, counted in buckets that grow with them.

use std::time::Duration;

/// Buckets for each power of two: a value is known to a thirty-second part of it.
const PARTS: u64 = 1 << PART_BITS;
const PART_BITS: u32 = 5;
/// Above 2^39 ns, some nine minutes, all values are one.
const LAST_BIT: u32 = 39;
const BUCKETS: usize = index_of(1 << LAST_BIT) + 1;

/// How often durations came, by length.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    count: u64,
    sum_ns: u64,
    longest_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), count: 0, sum_ns: 0, longest_ns: 0 }
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, longest_ns, .. } = self;
        write!(f, "Histogram {{ count: {count}, longest_ns: {longest_ns} }}")
    }
}

impl Histogram {
    /// Counts a duration of `ns` nanoseconds.
    pub fn add(&mut self, ns: u64) {
        self.counts[index_of(ns.min(1 << LAST_BIT))] += 1;
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.longest_ns = self.longest_ns.max(ns);
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.counts.iter_mut().zip(other.counts.iter()) {
            *ours += theirs;
        }
        self.count += other.count;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.longest_ns = self.longest_ns.max(other.longest_ns);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together, in nanoseconds.
    pub fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// How many of them were no longer than `ns`, but for some that were longer by less than a thirty-second
    /// part.
    pub fn up_to(&self, ns: u64) -> u64 {
        self.counts[..=index_of(ns.min(1 << LAST_BIT))].iter().sum()
    }

    /// The longest of them.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest_ns)
    }

    /// What so many thousandths of them are not above, to a thirty-second part; zero where there are none.
    pub fn at(&self, thousandths: u64) -> Duration {
        let rank = (self.count * thousandths).div_ceil(1000).max(1);
        let mut seen = 0;
        let reached = |(index, &count): (usize, &u64)| {
            seen += count;
            (seen >= rank).then(|| largest_in(index).min(self.longest_ns))
        };
        let found = self.counts.iter().enumerate().find_map(reached);
        Duration::from_nanos(found.unwrap_or(0))
    }
}

/// The bucket of a value: small ones have one each, others share it with what begins with the same bits.
#[expect(clippy::cast_possible_truncation, reason = "numbers of buckets are small")]
const fn index_of(ns: u64) -> usize {
    if ns < PARTS {
        return ns as usize;
    }
    let octave = ns.ilog2() - PART_BITS;
    (octave as usize * PARTS as usize) + (ns >> octave) as usize
}

/// The largest value of a bucket.
const fn largest_in(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * PARTS {
        return index;
    }
    let octave = index / PARTS - 1;
    let part = index % PARTS + PARTS;
    ((part + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(ns: u64) -> Duration {
        Duration::from_nanos(ns)
    }

    #[test]
    fn buckets_cover_all_values_in_order() {
        let mut last = None;
        for value in (0..4096).chain([1 << 20, (1 << 30) + 7, (1 << 39) - 1, 1 << 39]) {
            let index = index_of(value);
            assert!(last <= Some(index) && index < BUCKETS, "{value}");
            let top = largest_in(index);
            assert!(value <= top && top - value <= value / PARTS, "{value} is in that of {top}");
            assert_eq!(index_of(top), index);
            assert_eq!(index_of(top + 1), index + 1);
            last = Some(index);
        }
    }

    #[test]
    fn shares_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.at(500), histogram.longest()), (ns(0), ns(0)));
        (1..=1000).for_each(|value| histogram.add(value * 1000));
        for (thousandths, exact) in
            [(500, 500_000), (900, 900_000), (990, 990_000), (1000, 1_000_000)]
        {
            let found = histogram.at(thousandths);
            assert!(found >= ns(exact) && found <= ns(exact + exact / PARTS), "{found:?}");
        }
        assert_eq!((histogram.count(), histogram.longest()), (1000, ns(1_000_000)));
        histogram.add(u64::MAX);
        assert_eq!(histogram.count(), 1001);
    }

    #[test]
    fn bounds_divide_them() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|value| histogram.add(value * 1000));
        let bounds = [(0, 0), (900, 0), (250_000, 250), (1_000_000, 1000), (u64::MAX, 1000)];
        for (bound, exact) in bounds {
            let found = histogram.up_to(bound);
            assert!((exact..=exact + exact / PARTS).contains(&found), "{bound}: {found}");
        }
        assert_eq!(histogram.sum_ns(), 1000 * 1001 / 2 * 1000);
    }

    #[test]
    fn what_two_have_counted_is_one() {
        let (mut all, mut one, mut other) = <(Histogram, Histogram, Histogram)>::default();
        for value in 0..5000u64 {
            all.add(value * value);
            if value % 3 == 0 { one.add(value * value) } else { other.add(value * value) }
        }
        one.merge(&other);
        assert_eq!(one, all);
    }
}
