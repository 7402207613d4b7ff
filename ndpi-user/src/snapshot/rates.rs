//! Rates of the last seconds, from readings of counts that only rise.

use std::collections::VecDeque;

use ndpi_common::{Hook, Outcome, Reason};
use ndpi_kernel::Statistics;

use super::model::Rates;

/// How long back rates look.
const WINDOW_MS: u64 = 10_000;

/// The counts that rates are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    packets: u64,
    bytes: u64,
    dropped: u64,
    shown: u64,
    ring_full: u64,
    ring_contended: u64,
}

impl Counts {
    pub(super) fn of(statistics: &Statistics) -> Self {
        let seen = [Hook::Xdp, Hook::Tc].map(|hook| statistics.seen(hook));
        Self {
            packets: seen.iter().map(|stat| stat.packets).sum(),
            bytes: seen.iter().map(|stat| stat.bytes).sum(),
            dropped: statistics.outcome(Outcome::Dropped).packets,
            shown: statistics.reason(Reason::Shown).packets,
            ring_full: statistics.reason(Reason::RingFull).packets,
            ring_contended: statistics.reason(Reason::RingContended).packets,
        }
    }
}

/// Readings of the last few seconds. Times are milliseconds of a clock that only goes on.
#[derive(Debug, Default)]
pub(super) struct Readings(VecDeque<(u64, Counts)>);

impl Readings {
    /// Keeps a reading, and forgets those that are too old to be of use.
    pub(super) fn keep(&mut self, now_ms: u64, counts: Counts) {
        while self.0.get(1).is_some_and(|(at, _)| now_ms.saturating_sub(*at) >= WINDOW_MS) {
            self.0.pop_front();
        }
        self.0.push_back((now_ms, counts));
    }

    /// What happened since the oldest reading that is kept; nothing where that is no time ago.
    pub(super) fn rates(&self, now_ms: u64, now: Counts) -> Option<Rates> {
        let (at, before) = self.0.front()?;
        let over_ms = now_ms.saturating_sub(*at);
        let rise = |now: u64, before: u64| now.saturating_sub(before);
        let per_second = |rise: u64| rise.saturating_mul(1000).checked_div(over_ms);
        Some(Rates {
            over_ms,
            packets: per_second(rise(now.packets, before.packets))?,
            bits: per_second(rise(now.bytes, before.bytes).saturating_mul(8))?,
            dropped: per_second(rise(now.dropped, before.dropped))?,
            shown: per_second(rise(now.shown, before.shown))?,
            ring_full: rise(now.ring_full, before.ring_full),
            ring_contended: rise(now.ring_contended, before.ring_contended),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(packets: u64) -> Counts {
        Counts { packets, bytes: packets * 100, dropped: packets / 10, ..Counts::default() }
    }

    #[test]
    fn rates_are_those_of_the_last_seconds() {
        let mut readings = Readings::default();
        assert_eq!(readings.rates(5, counts(7)), None, "there is nothing to compare with");
        readings.keep(0, counts(0));
        assert_eq!(readings.rates(0, counts(7)), None, "no time has passed");
        let rates = readings.rates(500, counts(1000)).unwrap();
        assert_eq!((rates.over_ms, rates.packets, rates.bits), (500, 2000, 1_600_000));
        assert_eq!(rates.dropped, 200);
        (1..=60).for_each(|second| readings.keep(second * 1000, counts(second * 50)));
        let rates = readings.rates(60_500, counts(60 * 50)).unwrap();
        assert!((WINDOW_MS..=WINDOW_MS + 1500).contains(&rates.over_ms), "{rates:?}");
        assert!((40..=50).contains(&rates.packets), "{rates:?}");
        assert!(readings.0.len() <= 12);
    }

    #[test]
    fn counts_that_fall_are_no_rate() {
        let mut readings = Readings::default();
        readings.keep(0, counts(1000));
        assert_eq!(readings.rates(1000, counts(0)).unwrap().packets, 0);
    }
}
