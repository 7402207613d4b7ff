//! Where the time between a packet and its verdict goes, while a worker is at it.

use super::stages::Decision;
use super::{Histogram, TimeToVerdict};
use ndpi_flow::Taken;
use ndpi_kernel::ktime_ns;

/// Takes the times of one worker. A sample costs one look at the clock, a decision a few: some hundred
/// nanoseconds of tens of thousands. Times are nanoseconds since boot.
#[derive(Debug, Default)]
pub(in crate::live) struct Stopwatch {
    /// When the sample was taken that the worker is at, if it is at one.
    sample: Option<Taken>,
    /// It was put off: it is at it once more later.
    is_put_off: bool,
    /// Spent on the rules since then.
    policy_ns: u64,
    times: TimeToVerdict,
    /// What each sample took.
    samples: Histogram,
}

impl Stopwatch {
    /// The worker begins with a sample.
    pub(in crate::live) fn begin(&mut self, taken: Taken) {
        self.go_on(Some(taken), taken.begun_ns);
    }

    /// The sample that the worker is at is put off.
    pub(in crate::live) fn put_off(&mut self) -> Option<Taken> {
        self.is_put_off = true;
        self.sample
    }

    /// The worker goes on with a sample that was put off.
    pub(in crate::live) fn go_on(&mut self, taken: Option<Taken>, now_ns: u64) {
        self.rest(now_ns);
        self.sample = taken;
        self.policy_ns = 0;
    }

    /// The worker is at no sample any more.
    pub(in crate::live) fn rest(&mut self, now_ns: u64) {
        let is_done = !std::mem::take(&mut self.is_put_off);
        if let Some(taken) = self.sample.take().filter(|_| is_done) {
            self.samples.add(now_ns.saturating_sub(taken.begun_ns));
        }
    }

    /// What decisions took so far.
    pub(in crate::live) fn times(&self) -> &TimeToVerdict {
        &self.times
    }

    /// What samples took: in the flow table, nDPI and the rules, and to write the verdict; those that were put off,
    /// with others that were taken meanwhile.
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
        let Some(Taken { read_ns, begun_ns }) = self.sample else { return };
        let policy = self.policy_ns;
        let stages_ns = [
            total_ns.saturating_sub(written_ns.saturating_sub(read_ns)),
            begun_ns.saturating_sub(read_ns),
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
    fn a_sample_that_is_put_off_is_counted_once_and_as_a_whole() {
        let mut watch = Stopwatch::default();
        let taken = Taken { read_ns: 100, begun_ns: 150 };
        watch.begin(taken);
        assert_eq!(watch.put_off(), Some(taken));
        watch.begin(Taken { read_ns: 100, begun_ns: 300 });
        watch.go_on(Some(taken), 310);
        assert_eq!((watch.samples().count(), watch.samples().sum_ns()), (1, 10));
        watch.stands((400, 450), 400, false);
        watch.rest(500);
        assert_eq!((watch.samples().count(), watch.samples().sum_ns()), (2, 10 + 350));
        let stages: Vec<_> = watch.times().payload().by_name().map(|(_, it)| it.sum_ns()).collect();
        assert_eq!(stages, [50, 50, 250, 0, 50, 400]);
    }

    #[test]
    fn the_stages_are_the_whole() {
        let mut watch = Stopwatch::default();
        watch.stands((10, 20), 20, false);
        // A packet of 1000, taken from the ring at 1500.
        let taken = Taken { read_ns: 1500, begun_ns: 1700 };
        watch.begin(taken);
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
