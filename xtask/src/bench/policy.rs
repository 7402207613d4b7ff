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

/// A list of so many plain names is to be loaded within the next.
const NAMES: &str = "1600000";
/// Seconds: about twice what an idle machine took.
const LIST_S: f64 = 3.0;
/// A process that loads it is to have at most this much memory.
const LIST_MB: f64 = 400.0;

/// Time loading, checking and deciding by 500 rules with 10,000 host names and 10,000 networks, and
/// loading a list of 1.6 million names.
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
    let program = measuring::as_installed(workspace, "ndpi-user", "costs")?;
    let measure = |arguments: &[&str]| process::output(process::command(&program).args(arguments));
    let printed = measure(&["policy-costs", &args.seconds.to_string()])?;
    let list = |form| measure(&["long-list", NAMES, form]);
    let costs = Costs::read(&printed, [&list("names")?, &list("hosts")?, &list("adblock")?])?;
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
    list_s: f64,
    list_mb: f64,
    hosts_s: f64,
    adblock_s: f64,
}

impl Costs {
    /// Reads what was printed of the large policy, and of the list as plain names, hosts and Adblock.
    fn read(costs: &str, lists: [&str; 3]) -> Result<Self> {
        let json = |text| serde_json::from_str(text).context("a program printed no JSON");
        let costs: Value = json(costs)?;
        let [list, hosts, adblock]: [Value; 3] =
            [json(lists[0])?, json(lists[1])?, json(lists[2])?];
        let of = |printed: &Value, key: &str| {
            printed[key].as_f64().with_context(|| format!("no program printed {key:?}"))
        };
        let figure = |key: &str| of(&costs, key).or_else(|_| of(&list, key));
        Ok(Self {
            decide_us: figure("decide_ns")? / 1e3,
            decide_us_p99: figure("decide_ns_p99")? / 1e3,
            load_ms: figure("load_ms")?,
            check_ms: figure("check_ms")?,
            list_s: figure("load_s")?,
            list_mb: figure("peak_mb")?,
            hosts_s: of(&hosts, "load_s")?,
            adblock_s: of(&adblock, "load_s")?,
        })
    }

    fn reaches_all(&self) -> bool {
        let list = self.list_s <= LIST_S && self.list_mb <= LIST_MB;
        self.decide_us <= DECIDE_US && self.load_ms <= LOAD_MS && list
    }

    fn to_json(&self) -> Value {
        json!({
            "decide_us": self.decide_us,
            "decide_us_p99": self.decide_us_p99,
            "decide_us_limit": DECIDE_US,
            "load_ms": self.load_ms,
            "load_ms_limit": LOAD_MS,
            "check_ms": self.check_ms,
            "list_s": self.list_s,
            "list_s_limit": LIST_S,
            "list_mb": self.list_mb,
            "list_mb_limit": LIST_MB,
            "hosts_s": self.hosts_s,
            "adblock_s": self.adblock_s,
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
             policy check      {:8.2} ms\n\
             a list of 1.6 million host names\n\
             load              {:8.2} s    at most {LIST_S} s: {}\n\
             memory, most      {:8.0} MB   at most {LIST_MB} MB: {}\n\
             as a hosts file   {:8.2} s\n\
             as Adblock        {:8.2} s\n",
            self.decide_us,
            verdict(self.decide_us <= DECIDE_US),
            self.decide_us_p99,
            self.load_ms,
            verdict(self.load_ms <= LOAD_MS),
            self.check_ms,
            self.list_s,
            verdict(self.list_s <= LIST_S),
            self.list_mb,
            verdict(self.list_mb <= LIST_MB),
            self.hosts_s,
            self.adblock_s,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str =
        r#"{"load_ms":11.0,"check_ms":24.0,"decide_ns":1999,"decide_ns_p99":4000,"rules":500}"#;

    const LIST: &str = r#"{"names":1600000,"load_s":2.0,"peak_mb":400}"#;

    #[test]
    fn figures_are_read_and_held_against_their_limits() {
        let costs = Costs::read(PRINTED, [LIST; 3]).unwrap();
        assert!(costs.reaches_all());
        assert_eq!(costs.to_json()["decide_us"], 1.999);
        assert!(costs.to_text().contains("at most 2 µs: reached"), "{}", costs.to_text());
        assert!(costs.to_text().contains("at most 400 MB: reached"), "{}", costs.to_text());
        assert!(!Costs { list_s: 3.1, ..Costs::read(PRINTED, [LIST; 3]).unwrap() }.reaches_all());
        assert!(
            !Costs { list_mb: 401.0, ..Costs::read(PRINTED, [LIST; 3]).unwrap() }.reaches_all()
        );
        let slow = Costs { decide_us: 2.1, ..costs };
        assert!(!slow.reaches_all());
        assert!(slow.to_text().contains("at most 2 µs: missed"), "{}", slow.to_text());
    }

    #[test]
    fn a_missing_figure_is_an_error() {
        assert!(Costs::read("{}", [LIST; 3]).is_err());
        assert!(Costs::read(PRINTED, [LIST, "{}", LIST]).is_err());
        assert!(Costs::read("", [LIST; 3]).is_err());
    }
}
