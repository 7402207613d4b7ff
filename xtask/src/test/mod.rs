//! `cargo xtask test`: everything that must hold before a change lands.

mod cargo;
mod examples;
mod steps;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::manner::Manner;
use crate::workspace::Workspace;
use steps::{STEPS, Step};

/// Run every check and test: formatting, lints, rules, licences, BPF build, tests, documentation.
///
/// Tests that need root's rights run directly as root, else through sudo. Where that is not
/// possible they say so and skip; with `CI=true` a skip is a failure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these steps.
    #[arg(long, value_name = "STEP", value_parser = steps::names())]
    only: Vec<String>,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// `cargo xtask test`. Stops at the first step that fails.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let wanted = |step: &&Step| args.only.is_empty() || args.only.iter().any(|n| n == step.name);
    let steps: Vec<_> = STEPS.iter().filter(wanted).collect();
    let mut done = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        eprintln!("\ntest: [{}/{}] {}: {}", number + 1, steps.len(), step.name, step.what);
        let start = Instant::now();
        let result = (step.run)(workspace);
        done.push((step.name, start.elapsed(), result.is_ok()));
        if result.is_err() {
            print!("{}", table(&done));
        }
        result.with_context(|| {
            format!("step {0} failed; to repeat it: cargo xtask test --only {0}", step.name)
        })?;
    }
    print!("{}", table(&done));
    println!("test: all {} steps passed", done.len());
    Ok(ExitCode::SUCCESS)
}

/// The steps so far with the time each took.
fn table(done: &[(&str, Duration, bool)]) -> String {
    let row = |name: &str, time: Duration, outcome: &str| {
        format!("test: {name:<12} {:>7.1} s  {outcome}", time.as_secs_f64()).trim_end().to_owned()
    };
    let total = done.iter().map(|(_, time, _)| time).sum();
    let steps = done
        .iter()
        .map(|(name, time, passed)| row(name, *time, if *passed { "ok" } else { "FAILED" }));
    let rows: Vec<_> = steps.chain([row("total", total, "")]).collect();
    format!("\n{}\n", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_adds_up() {
        let done = [
            ("format", Duration::from_millis(1500), true),
            ("units", Duration::from_secs(62), false),
        ];
        assert_eq!(
            table(&done),
            "\ntest: format           1.5 s  ok\n\
             test: units           62.0 s  FAILED\n\
             test: total           63.5 s\n"
        );
    }
}
