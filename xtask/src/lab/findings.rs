//! Findings of a part of the lab: checks that hold or do not, and figures.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::requests::Family;
use super::trial::Trial;

/// What was looked at, and what was seen.
#[derive(Default)]
pub(super) struct Findings {
    checks: Vec<Check>,
    figures: Map<String, Value>,
}

struct Check {
    what: String,
    holds: bool,
    seen: String,
}

/// A part of the lab that has been carried out, or could not be.
pub(super) struct Report {
    pub(super) name: &'static str,
    pub(super) took: Duration,
    pub(super) findings: Findings,
}

impl Findings {
    /// Notes that `what` was found to hold or not; `seen` says by which sign.
    pub(super) fn check(&mut self, what: impl Into<String>, holds: bool, seen: impl Display) {
        self.checks.push(Check { what: what.into(), holds, seen: seen.to_string() });
    }

    /// Notes a figure that is worth telling.
    pub(super) fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// Adds to a figure that is a count.
    pub(super) fn add(&mut self, name: &str, more: u64) {
        let before = self.figures.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.figure(name, before + more);
    }

    /// Records the results of requests, and how much of the blocked ones leaked.
    pub(super) fn trials(&mut self, trials: &[Trial], own_policy: bool) {
        for trial in trials {
            let what = format!(
                "{} over {} is {}",
                trial.request.shown(),
                if trial.request.family == Family::V4 { "IPv4" } else { "IPv6" },
                if own_policy { trial.request.expected.name() } else { "as the policy says" },
            );
            let problems = trial.problems(own_policy);
            let answer = trial.asked.answer.as_ref().unwrap_or_else(|reason| reason);
            let seen = if problems.is_empty() { answer.clone() } else { problems.join("; ") };
            self.check(what, problems.is_empty(), seen);
            self.add("leaked", trial.leaked());
            self.add("dropped", trial.dropped());
        }
    }

    fn right(&self) -> usize {
        self.checks.iter().filter(|check| check.holds).count()
    }
}

impl Report {
    /// Whether all is as it should be. What looked at nothing has shown nothing.
    pub(super) fn is_right(&self) -> bool {
        !self.findings.checks.is_empty() && self.findings.right() == self.findings.checks.len()
    }

    /// The heading above the lines of [`Report::text`].
    pub(super) fn heading() -> String {
        format!("\n{:<14}  {:<6}  {:>8}  {:>6}  FIGURES\n", "SCENARIO", "RESULT", "CHECKS", "TIME")
    }

    /// A line for a person, and one below it for whatever is wrong.
    pub(super) fn text(&self) -> String {
        let checks = &self.findings.checks;
        let figures = self.findings.figures.iter().map(|(name, value)| match value {
            Value::Number(number) => format!("{name} {number}"),
            Value::String(text) => format!("{name} {text}"),
            other => format!("{name} {other}"),
        });
        let mut text = format!(
            "{:<14}  {:<6}  {:>8}  {:>4.1} s  {}",
            self.name,
            if self.is_right() { "right" } else { "WRONG" },
            format!("{}/{}", self.findings.right(), checks.len()),
            self.took.as_secs_f64(),
            figures.collect::<Vec<_>>().join(", "),
        );
        text.truncate(text.trim_end().len());
        text.push('\n');
        for check in checks.iter().filter(|check| !check.holds) {
            let _ = writeln!(text, "  WRONG: not so: {}; seen: {}", check.what, check.seen);
        }
        text
    }

    /// The record of it, for programs.
    pub(super) fn record(&self) -> Value {
        let checks =
            self.findings.checks.iter().map(
                |Check { what, holds, seen }| json!({"what": what, "holds": holds, "seen": seen}),
            );
        json!({
            "type": "scenario",
            "name": self.name,
            "right": self.is_right(),
            "seconds": self.took.as_secs_f64(),
            "checks": checks.collect::<Vec<_>>(),
            "figures": self.findings.figures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(checks: &[bool]) -> Report {
        let mut findings = Findings::default();
        for holds in checks {
            findings.check("water is wet", *holds, "a fish");
        }
        findings.add("leaked", 3);
        findings.add("leaked", 4);
        Report { name: "host", took: Duration::from_millis(1500), findings }
    }

    #[test]
    fn one_check_that_fails_is_enough() {
        assert!(report(&[true, true]).is_right());
        let wrong = report(&[true, false]);
        assert!(!wrong.is_right());
        assert!(wrong.text().contains("1/2"), "{}", wrong.text());
        assert!(wrong.text().contains("WRONG: not so: water is wet; seen: a fish"));
    }

    #[test]
    fn nothing_looked_at_is_not_right() {
        assert!(!report(&[]).is_right());
    }

    #[test]
    fn the_record_says_what_the_line_says() {
        let record = report(&[true]).record();
        assert_eq!(record["right"], true);
        assert_eq!(record["figures"]["leaked"], 7);
        assert_eq!(record["checks"][0]["seen"], "a fish");
        assert_eq!(report(&[true]).text(), "host            right        1/1   1.5 s  leaked 7\n");
    }
}
