//! Where the time between a packet and its verdict goes, while a worker is at it.

use super::stages::Decision;
use super::{Histogram, TimeToVerdict};
use ndpi_kernel::ktime_ns;

/// Takes the times of one worker. A sample costs one look at the clock, a decision a few: some hundred
/// nanoseconds of tens of thousands. Times are nanoseconds since boot.
#[derive(Debug, Default)]
pub(in crate::live) struct Stopwatch {
    /// When the batch was sent, and when the worker began with the sample, if it is at one.
    sample: Option<(u64, u64)>,
    /// Spent on the rules since then.
    policy_ns: u64,
    times: TimeToVerdict,
    /// What each sample took.
    samples: Histogram,
}

impl Stopwatch {
    /// The worker begins with a sample of a batch that was sent at `sent_ns`.
    pub(in crate::live) fn begin(&mut self, sent_ns: u64, now_ns: u64) {
        self.rest(now_ns);
        self.sample = Some((sent_ns, now_ns));
        self.policy_ns = 0;
    }

    /// The worker is at no sample any more.
    pub(in crate::live) fn rest(&mut self, now_ns: u64) {
        if let Some((_, begun_ns)) = self.sample.take() {
            self.samples.add(now_ns.saturating_sub(begun_ns));
        }
    }

    /// What decisions took so far.
    pub(in crate::live) fn times(&self) -> &TimeToVerdict {
        &self.times
    }

    /// What samples took: in the flow table, nDPI and the rules, and to write the verdict.
    pub(in crate::live) fn samples(&self) -> &Histogram {
        &self.samples
    }

    /// Notes that rules were asked since `started_ns`.
    pub(in crate::live) fn judged(&mut self, started_ns: u64) {
        self.policy_ns += ktime_ns().saturating_sub(started_ns);
    }

    /// Notes that a verdict stands, on which nDPI and the rules were done at `decided_ns` and which was
    /// written by `written_ns`, `total_ns` after its packet, which was `empty` or carried something.
    pub(in crate::live) fn stands(
        &mut self,
        (decided_ns, written_ns): (u64, u64),
        total_ns: u64,
        empty: bool,
    ) {
        let Some((sent_ns, begun_ns)) = self.sample else { return };
        let policy = self.policy_ns;
        let stages_ns = [
            total_ns.saturating_sub(written_ns.saturating_sub(sent_ns)),
            begun_ns.saturating_sub(sent_ns),
            decided_ns.saturating_sub(begun_ns).saturating_sub(policy),
            policy,
            written_ns.saturating_sub(decided_ns),
        ];
        self.times.add(&Decision { total_ns, stages_ns }, empty);
    }

    /// What was measured.
    pub(in crate::live) fn into_times(self) -> TimeToVerdict {
        self.times
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_stages_are_the_whole() {
        let mut watch = Stopwatch::default();
        watch.stands((10, 20), 20, false);
        // A packet of 1000, sent to the worker at 1500.
        watch.begin(1500, 1700);
        watch.judged(ktime_ns());
        watch.policy_ns = 30;
        watch.stands((1900, 1950), 950, false);
        watch.rest(2000);
        assert_eq!((watch.samples().count(), watch.samples().sum_ns()), (1, 300));
        watch.stands((2900, 2950), 950, false);
        let times = watch.into_times();
        let found: Vec<_> =
            times.payload().by_name().map(|(name, it)| (name, it.longest())).collect();
        let expected = [
            ("ring", 500),
            ("queue", 200),
            ("inspect", 170),
            ("policy", 30),
            ("write", 50),
            ("all", 950),
        ];
        assert_eq!(found, expected.map(|(name, ns)| (name, Duration::from_nanos(ns))));
        assert_eq!(times.payload().total().count(), 1);
    }
}
