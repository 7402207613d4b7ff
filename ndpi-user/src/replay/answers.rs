//! Sums of what the kernel did with the packets of a capture, which must add up.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use ndpi_common::{Hook, Outcome, Stat};
use serde::Serialize;

use crate::report::table::{Align, Table};
use crate::report::units::{bytes, grouped};
use ndpi_kernel::Statistics;

/// Packets and bytes by outcome and reason.
#[derive(Debug, Default, Serialize)]
pub(super) struct Answers {
    /// Packets that the program was run on.
    run: u64,
    #[serde(serialize_with = "packets")]
    passed: BTreeMap<&'static str, Stat>,
    #[serde(serialize_with = "packets")]
    dropped: BTreeMap<&'static str, Stat>,
}

impl Answers {
    /// Of what the kernel counted while the program was run on `run` packets, of which it dropped
    /// `dropped`.
    ///
    /// # Errors
    /// They do not add up: some packet left the program without a reason, or under two.
    pub(super) fn new(counted: &Statistics, run: u64, dropped: u64) -> Result<Self> {
        let counts = [counted.seen(Hook::Xdp).packets, counted.outcome(Outcome::Dropped).packets];
        ensure!(
            counts == [run, dropped],
            "the kernel counted {counts:?} packets seen and dropped, but it was run on {run} and \
             dropped {dropped}: this is a fault of the programs, please report it"
        );
        let mut answers = Self { run, ..Self::default() };
        for (_, outcome, reason, stat) in counted.iter() {
            let reasons = match outcome {
                Outcome::Dropped => &mut answers.dropped,
                Outcome::Passed | Outcome::Redirected => &mut answers.passed,
            };
            reasons.insert(reason.name(), stat);
        }
        Ok(answers)
    }

    /// Adds those of another capture.
    pub(super) fn add(&mut self, other: Self) {
        self.run += other.run;
        for (into, from) in [(&mut self.passed, other.passed), (&mut self.dropped, other.dropped)] {
            for (reason, stat) in from {
                *into.entry(reason).or_default() += stat;
            }
        }
    }
}

fn packets<S: serde::Serializer>(
    reasons: &BTreeMap<&'static str, Stat>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(reasons.iter().map(|(reason, stat)| (reason, stat.packets)))
}

fn sum(reasons: &BTreeMap<&'static str, Stat>) -> u64 {
    reasons.values().map(|stat| stat.packets).sum()
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            ("outcome", Align::Left),
            ("reason", Align::Left),
            ("packets", Align::Right),
            ("bytes", Align::Right),
        ]);
        for (outcome, reasons) in [("passed", &self.passed), ("dropped", &self.dropped)] {
            for (reason, stat) in reasons {
                let cells = [outcome, reason].map(str::to_owned).into_iter();
                table.row(cells.chain([grouped(stat.packets), bytes(stat.bytes)]));
            }
        }
        let (passed, dropped) = (sum(&self.passed), sum(&self.dropped));
        let [run, passed, dropped] = [self.run, passed, dropped].map(grouped);
        write!(f, "\nWhat the kernel did\n{table}")?;
        writeln!(f, "  {run} packets run = {passed} passed + {dropped} dropped")
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Hook, Outcome, Reason, Stat};

    use super::Answers;
    use ndpi_kernel::Statistics;

    fn counted() -> Statistics {
        let stat = |packets| Stat { packets, bytes: packets * 100 };
        Statistics::from_iter([
            (Hook::Xdp, Outcome::Passed, Reason::Shown, stat(3)),
            (Hook::Xdp, Outcome::Dropped, Reason::Drop, stat(5)),
        ])
    }

    #[test]
    fn answers_of_captures_are_added_and_shown() {
        let mut answers = Answers::new(&counted(), 8, 5).unwrap();
        answers.add(Answers::new(&counted(), 8, 5).unwrap());
        let json = serde_json::to_value(&answers).unwrap();
        let wanted =
            serde_json::json!({"run": 16, "passed": {"shown": 6}, "dropped": {"drop": 10}});
        assert_eq!(json, wanted);
        let text = answers.to_string();
        assert!(text.ends_with("  16 packets run = 6 passed + 10 dropped\n"), "{text}");
        assert!(text.contains("dropped  drop         10"), "{text}");
    }

    #[test]
    fn what_does_not_add_up_is_an_error() {
        for (run, dropped) in [(9, 5), (8, 4), (7, 5)] {
            let error = Answers::new(&counted(), run, dropped).unwrap_err();
            assert!(error.to_string().contains("[8, 5]"), "{error}");
        }
    }
}
