//! The figures, and whether they reach what they should.

use std::fmt;

use super::contender::{BARE, ONE_THREAD, PACKETS, TWO_THREADS};
use super::memory::Memory;
use super::peers::{NDPI_READER, NFSTREAM};

/// A contender's times.
pub(super) struct Measured {
    pub(super) name: &'static str,
    /// Seconds of each run.
    pub(super) runs: Vec<f64>,
}

/// All figures of a run of the benchmark.
pub(super) struct Figures {
    pub(super) packets: u64,
    pub(super) capture_bytes: u64,
    pub(super) runs: usize,
    pub(super) times: Vec<Measured>,
    pub(super) memory: Memory,
}

/// A figure with the bound it must keep.
struct Target {
    what: &'static str,
    figure: f64,
    bound: f64,
    /// The figure must not be above the bound; otherwise, not below.
    at_most: bool,
}

impl Measured {
    /// The middle run; of an even number, the mean of the two in the middle.
    fn median(&self) -> f64 {
        let mut runs = self.runs.clone();
        runs.sort_by(f64::total_cmp);
        let middle = runs.len() / 2;
        if runs.len() % 2 == 1 {
            runs[middle]
        } else {
            f64::midpoint(runs[middle - 1], runs[middle])
        }
    }
}

impl Target {
    fn is_reached(&self) -> bool {
        if self.at_most { self.figure <= self.bound } else { self.figure >= self.bound }
    }
}

impl Figures {
    /// Whether every figure that was measured keeps its bound.
    pub(super) fn reaches_all(&self) -> bool {
        self.targets().iter().all(Target::is_reached)
    }

    fn median(&self, name: &str) -> Option<f64> {
        self.times.iter().find(|measured| measured.name == name).map(Measured::median)
    }

    /// How many times the time of `name` that of `than` is.
    fn ratio(&self, name: &str, than: &str) -> Option<f64> {
        Some(self.median(name)? / self.median(than)?)
    }

    fn targets(&self) -> Vec<Target> {
        let target = |what, figure, bound, at_most| Target { what, figure, bound, at_most };
        let speed = [
            ("time by that of nDPI alone", self.ratio(ONE_THREAD, BARE), 1.3, true),
            ("time by that without streams", self.ratio(ONE_THREAD, PACKETS), 1.05, true),
            ("speed-up by two threads", self.ratio(ONE_THREAD, TWO_THREADS), 1.7, false),
            ("times as fast as nfstream", self.ratio(NFSTREAM, ONE_THREAD), 10.0, false),
            ("times as fast as ndpiReader", self.ratio(NDPI_READER, ONE_THREAD), 1.5, false),
        ];
        let measured = |(what, figure, bound, at_most): (_, Option<f64>, _, _)| {
            figure.map(|figure| target(what, figure, bound, at_most))
        };
        let mut targets: Vec<Target> = speed.into_iter().filter_map(measured).collect();
        let Memory { ndpi, undecided, decided, .. } = self.memory;
        targets.push(target(
            "bytes of an undecided flow, above nDPI's",
            undecided - ndpi,
            200.0,
            true,
        ));
        targets.push(target("bytes of a decided flow", decided, 160.0, true));
        targets
    }

    /// All figures as one JSON object.
    pub(super) fn to_json(&self) -> String {
        let times = self.times.iter().map(|measured| {
            let runs: Vec<String> = measured.runs.iter().map(|run| format!("{run:.4}")).collect();
            let (name, median) = (measured.name, measured.median());
            format!(r#"{{"name":"{name}","median":{median:.4},"runs":[{}]}}"#, runs.join(","))
        });
        let targets = self.targets().into_iter().map(|target| {
            let (what, figure, bound) = (target.what, target.figure, target.bound);
            let reached = target.is_reached();
            format!(
                r#"{{"what":"{what}","figure":{figure:.3},"bound":{bound},"reached":{reached}}}"#
            )
        });
        let Memory { flows, ndpi, undecided, decided } = self.memory;
        format!(
            r#"{{"packets":{},"capture_bytes":{},"times":[{}],"memory":{{"flows":{flows},"ndpi":{ndpi:.1},"undecided":{undecided:.1},"decided":{decided:.1}}},"targets":[{}]}}"#,
            self.packets,
            self.capture_bytes,
            times.collect::<Vec<_>>().join(","),
            targets.collect::<Vec<_>>().join(","),
        )
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millions = self.packets as f64 / 1e6;
        let megabytes = self.capture_bytes as f64 / 1e6;
        writeln!(
            f,
            "{millions:.2} million packets, {megabytes:.0} MB, median of {} runs",
            self.runs
        )?;
        for measured in &self.times {
            let median = measured.median();
            let (least, most) = measured
                .runs
                .iter()
                .fold((f64::MAX, 0.0_f64), |(low, high), run| (low.min(*run), high.max(*run)));
            writeln!(
                f,
                "  {:<29} {median:>7.3} s ({least:.3} to {most:.3})  {:>6.2} million packets/s",
                measured.name,
                millions / median
            )?;
        }
        let Memory { flows, ndpi, undecided, decided } = self.memory;
        writeln!(
            f,
            "bytes per flow, of {flows}: nDPI {ndpi:.0}, undecided {undecided:.0}, decided {decided:.0}"
        )?;
        for target in self.targets() {
            let bound = if target.at_most { "at most" } else { "at least" };
            let mark = if target.is_reached() { "reached" } else { "MISSED" };
            writeln!(
                f,
                "  {mark}: {} {:.2}, {bound} {}",
                target.what, target.figure, target.bound
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::pcap::contender::JSON;

    fn figures(one_thread: &[f64], decided: f64) -> Figures {
        let measured = |name, runs: &[f64]| Measured { name, runs: runs.to_vec() };
        let times = vec![
            measured(BARE, &[1.0]),
            measured(ONE_THREAD, one_thread),
            measured(TWO_THREADS, &[0.6]),
            measured(JSON, &[1.5]),
        ];
        let memory = Memory { flows: 10, ndpi: 1216.0, undecided: 1400.0, decided };
        Figures { packets: 2_000_000, capture_bytes: 1, runs: 3, times, memory }
    }

    #[test]
    fn the_middle_run_counts() {
        assert!((figures(&[9.0, 1.2, 1.1], 1.0).median(ONE_THREAD).unwrap() - 1.2).abs() < 1e-9);
        assert!((figures(&[1.0, 2.0], 1.0).median(ONE_THREAD).unwrap() - 1.5).abs() < 1e-9);
    }

    #[test]
    fn a_missed_bound_shows() {
        assert!(figures(&[1.2], 150.0).reaches_all());
        assert!(!figures(&[1.4], 150.0).reaches_all());
        let missed = figures(&[1.2], 170.0);
        assert!(!missed.reaches_all());
        assert!(missed.to_string().contains("MISSED: bytes of a decided flow 170.00, at most 160"));
        assert!(missed.to_json().contains(r#""figure":170.000,"bound":160,"reached":false"#));
    }
}
