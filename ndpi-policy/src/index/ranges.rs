//! From a number to the rules whose ranges hold it.

use std::ops::RangeInclusive;

use super::sets::{Pool, PoolBuilder, SetId, Words, insert, remove};

/// Numbers that ranges are made of.
pub(super) trait Number: Copy + Ord + Default {
    /// The number after it, if there is one.
    fn next(self) -> Option<Self>;
}

macro_rules! number {
    ($($type:ty),*) => {
        $(impl Number for $type {
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
        })*
    };
}
number!(u8, u16, u32, u128);

/// Rules by ranges of numbers, cut at every border into intervals that meet the same rules: a
/// look-up is a binary search, however ranges nest and overlap.
#[derive(Debug)]
pub(super) struct ByRange<T> {
    /// Where each interval starts, ascending; the last one has no end.
    starts: Vec<T>,
    /// The rules of each interval.
    sets: Vec<SetId>,
    pool: Pool,
}

impl<T: Number> ByRange<T> {
    pub(super) fn new(
        width: usize,
        entries: impl Iterator<Item = (RangeInclusive<T>, u16)>,
    ) -> Self {
        let mut borders = borders(entries);
        borders.sort_unstable();
        let mut pool = PoolBuilder::new(width);
        let (mut starts, mut sets) = (Vec::new(), Vec::new());
        let mut open = Open::new(pool.width());
        let mut borders = borders.into_iter().peekable();
        while let Some((at, change, rule)) = borders.next() {
            open.apply(change, rule);
            if borders.peek().is_none_or(|(next, ..)| *next != at) {
                starts.push(at);
                sets.push(pool.set(&open.rules));
            }
        }
        Self { starts, sets, pool: pool.finish() }
    }

    /// Adds the rules whose ranges hold `number` to `union`.
    pub(super) fn add_to(&self, number: T, union: &mut Words) {
        let after = self.starts.partition_point(|start| *start <= number);
        if let Some(interval) = after.checked_sub(1) {
            self.pool.add_to(self.sets[interval], union);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Enter,
    Leave,
}

fn borders<T: Number>(
    entries: impl Iterator<Item = (RangeInclusive<T>, u16)>,
) -> Vec<(T, Change, u16)> {
    let mut borders = Vec::new();
    for (range, rule) in entries {
        borders.push((*range.start(), Change::Enter, rule));
        if let Some(end) = range.end().next() {
            borders.push((end, Change::Leave, rule));
        }
    }
    borders
}

/// The rules whose ranges are open, each counted: a rule may list overlapping ranges.
struct Open {
    counts: Vec<u32>,
    rules: Vec<u64>,
}

impl Open {
    fn new(width: usize) -> Self {
        Self { counts: vec![0; width * 64], rules: vec![0; width] }
    }

    fn apply(&mut self, change: Change, rule: u16) {
        let count = &mut self.counts[usize::from(rule)];
        match change {
            Change::Enter => {
                *count += 1;
                insert(&mut self.rules, rule);
            }
            Change::Leave => {
                *count -= 1;
                if *count == 0 {
                    remove(&mut self.rules, rule);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sets::members;
    use super::*;

    fn rules_at(index: &ByRange<u16>, number: u16) -> Vec<u16> {
        let mut union = [0];
        index.add_to(number, &mut union);
        members(&union).collect()
    }

    #[test]
    fn nested_and_overlapping_ranges_meet_all_their_rules() {
        let ranges = [(10..=20, 0), (15..=15, 1), (15..=30, 2), (12..=18, 0)];
        let index = ByRange::new(1, ranges.into_iter());
        assert_eq!(rules_at(&index, 9), [0_u16; 0]);
        assert_eq!(rules_at(&index, 10), [0]);
        assert_eq!(rules_at(&index, 15), [0, 1, 2]);
        assert_eq!(rules_at(&index, 19), [0, 2]);
        assert_eq!(rules_at(&index, 30), [2]);
        assert_eq!(rules_at(&index, 31), [0_u16; 0]);
    }

    #[test]
    fn the_whole_range_has_no_end() {
        let index = ByRange::new(1, [(0..=u16::MAX, 3), (5..=5, 4)].into_iter());
        assert_eq!(rules_at(&index, 0), [3]);
        assert_eq!(rules_at(&index, 5), [3, 4]);
        assert_eq!(rules_at(&index, u16::MAX), [3]);
    }

    #[test]
    fn touching_ranges_of_one_rule_leave_no_gap() {
        let index = ByRange::new(1, [(1..=4, 0), (5..=9, 0)].into_iter());
        assert_eq!(rules_at(&index, 4), [0]);
        assert_eq!(rules_at(&index, 5), [0]);
        assert_eq!(rules_at(&index, 10), [0_u16; 0]);
    }
}
