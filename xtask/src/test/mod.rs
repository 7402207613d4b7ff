//! `cargo xtask test`: everything that must hold before a change lands.

mod cargo;
mod examples;
mod steps;

use std::process::{Child, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::manner::Manner;
use crate::workspace::Workspace;
use steps::{BESIDE, Beside, STEPS, Step};

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
    let names: Vec<_> = steps.iter().map(|step| step.name).collect();
    let mut beside = None;
    run_all(&steps, |step| {
        if begins(&BESIDE, step.name, &names) {
            beside = Some(Running((BESIDE.command)(workspace).spawn()?));
        }
        if step.name == BESIDE.before
            && let Some(mut running) = beside.take()
        {
            // Where it failed, so does its step, which says so.
            running.0.wait()?;
        }
        (step.run)(workspace)
    })
}

/// A command that is ended where nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is left alone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether what is done beside others begins with the step of this name, of all `wanted`.
fn begins(beside: &Beside, step: &str, wanted: &[&str]) -> bool {
    step == beside.from && wanted.contains(&beside.before)
}

/// Runs steps, one after the other, and says how long each took.
fn run_all(steps: &[&Step], mut run: impl FnMut(&Step) -> Result<()>) -> Result<ExitCode> {
    let mut done = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        eprintln!("\ntest: [{}/{}] {}: {}", number + 1, steps.len(), step.name, step.what);
        let start = Instant::now();
        let result = run(step);
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
    fn what_is_done_beside_others_is_done_for_a_step_that_is_wanted() {
        let all = steps::names();
        let at = |name| all.iter().position(|it| *it == name).unwrap();
        assert!(at("bpf") < at(BESIDE.from) && at(BESIDE.from) < at(BESIDE.before));
        assert!(begins(&BESIDE, "clippy", &all) && !begins(&BESIDE, "docs", &all));
        assert!(!begins(&BESIDE, "clippy", &["clippy", "units"]), "nobody asks for it");
    }

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
