//! Prints the time and memory of each command, beside what it may take.

use std::time::Duration;

use serde_json::json;

use crate::listed::Took;

/// The longest that a list may take, and the most memory.
const LONGEST_LIST: Duration = Duration::from_secs(2);
const MOST_KIB: u64 = 64 << 10;

/// The longest that 99 of 100 answers may take beside a flood.
const LONGEST_ANSWER: Duration = Duration::from_millis(50);

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    is_kept: bool,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, is_kept: true }
    }

    /// Adds a list of verdicts.
    pub(crate) fn listed(&mut self, what: &str, took: &Took) {
        let Took { verdicts, lines, time, kib } = *took;
        let is_kept = time <= LONGEST_LIST && (1..=MOST_KIB).contains(&kib);
        self.is_kept &= is_kept;
        let seconds = time.as_secs_f64();
        if self.json {
            let record = json!({
                "command": format!("verdicts {what}"), "verdicts": verdicts, "lines": lines,
                "seconds": seconds, "kib": kib, "kept": is_kept,
            });
            println!("{record}");
        } else {
            println!(
                "verdicts {what}, of {verdicts}: {seconds:.2} s (at most {}), {:.1} MiB (at most {})",
                LONGEST_LIST.as_secs(),
                kib as f64 / 1024.0,
                MOST_KIB >> 10
            );
        }
    }

    /// Adds how long answers took beside a flood of `rate` packets a second, the shortest first.
    pub(crate) fn asked(&mut self, rate: u32, took: &[Duration]) {
        let at = |share: usize| {
            let index = (took.len() * share / 100).min(took.len().saturating_sub(1));
            took.get(index).copied().unwrap_or_default()
        };
        let is_kept = at(99) <= LONGEST_ANSWER && !took.is_empty();
        self.is_kept &= is_kept;
        let [median, most, longest] = [50, 99, 100].map(|share| at(share).as_secs_f64() * 1e3);
        if self.json {
            let record = json!({
                "command": "status --json", "rate": rate, "times": took.len(), "p50_ms": median,
                "p99_ms": most, "max_ms": longest, "kept": is_kept,
            });
            println!("{record}");
        } else {
            println!(
                "status --json beside {rate} packets a second, {} times: median {median:.1} ms, 99 % {most:.1} ms \
                 (at most {}), longest {longest:.1} ms",
                took.len(),
                LONGEST_ANSWER.as_millis()
            );
        }
    }

    /// Whether nothing took more than it may.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }
}
