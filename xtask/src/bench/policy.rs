//! `cargo xtask bench policy`: loading and deciding by a large policy.

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::measuring;
use crate::process;
use crate::workspace::Workspace;

/// A decision by 500 rules, 10,000 host names and 10,000 networks is to take at most this.
const DECIDE_US: f64 = 2.0;
/// Loading them is to take at most this.
const LOAD_MS: f64 = 100.0;

/// Time loading, checking and deciding by 500 rules with 10,000 host names and 10,000 networks.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,

    /// Seconds spent on loading, and again on deciding.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

pub(super) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    measuring::compile(workspace, &["--example", "policy_costs"])?;
    let mut program = process::command(workspace.example("policy_costs"));
    let printed = process::output(program.arg(args.seconds.to_string()))?;
    let costs = Costs::read(&printed)?;
    if args.json {
        println!("{}", costs.to_json());
    } else {
        print!("{}", costs.to_text());
    }
    Ok(if costs.reaches_all() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was measured.
#[derive(Debug, PartialEq)]
struct Costs {
    decide_us: f64,
    decide_us_p99: f64,
    load_ms: f64,
    check_ms: f64,
}

impl Costs {
    fn read(printed: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(printed).context("policy_costs printed no JSON")?;
        let figure = |key: &str| {
            json[key].as_f64().with_context(|| format!("policy_costs printed no {key:?}"))
        };
        Ok(Self {
            decide_us: figure("decide_ns")? / 1e3,
            decide_us_p99: figure("decide_ns_p99")? / 1e3,
            load_ms: figure("load_ms")?,
            check_ms: figure("check_ms")?,
        })
    }

    fn reaches_all(&self) -> bool {
        self.decide_us <= DECIDE_US && self.load_ms <= LOAD_MS
    }

    fn to_json(&self) -> Value {
        json!({
            "decide_us": self.decide_us,
            "decide_us_p99": self.decide_us_p99,
            "decide_us_limit": DECIDE_US,
            "load_ms": self.load_ms,
            "load_ms_limit": LOAD_MS,
            "check_ms": self.check_ms,
            "reached": self.reaches_all(),
        })
    }

    fn to_text(&self) -> String {
        let verdict = |reached| if reached { "reached" } else { "missed" };
        format!(
            "500 rules, 10,000 host names, 10,000 networks\n\
             decision, median  {:8.3} µs   at most {DECIDE_US} µs: {}\n\
             decision, p99     {:8.3} µs   of groups of 64\n\
             load, median      {:8.2} ms   at most {LOAD_MS} ms: {}\n\
             policy check      {:8.2} ms\n",
            self.decide_us,
            verdict(self.decide_us <= DECIDE_US),
            self.decide_us_p99,
            self.load_ms,
            verdict(self.load_ms <= LOAD_MS),
            self.check_ms,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str =
        r#"{"load_ms":11.0,"check_ms":24.0,"decide_ns":1999,"decide_ns_p99":4000,"rules":500}"#;

    #[test]
    fn figures_are_read_and_held_against_their_limits() {
        let costs = Costs::read(PRINTED).unwrap();
        assert!(costs.reaches_all());
        assert_eq!(costs.to_json()["decide_us"], 1.999);
        assert!(costs.to_text().contains("at most 2 µs: reached"), "{}", costs.to_text());
        let slow = Costs { decide_us: 2.1, ..costs };
        assert!(!slow.reaches_all());
        assert!(slow.to_text().contains("at most 2 µs: missed"), "{}", slow.to_text());
    }

    #[test]
    fn a_missing_figure_is_an_error() {
        assert!(Costs::read("{}").is_err());
        assert!(Costs::read("").is_err());
    }
}
