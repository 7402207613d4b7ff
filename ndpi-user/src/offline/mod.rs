//! Classifies the flows of captures: `ndpi-xdp pcap`. No privileges, no kernel.
//!
//! ```text
//! file ─▶ capture ─▶ link ─▶ Sample ─▶ classifier (nDPI) ─▶ FlowSink ─▶ record, summary
//!         `reader.rs`                  `world.rs`, or on several threads `spread.rs`
//! ```
//!
//! A *world* is what one fresh nDPI engine sees: one capture, or with `--join` all of them.

mod child;
mod forked;
mod job;
mod message;
mod options;
mod ordered;
mod reader;
mod sink;
mod spread;
mod world;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

use crate::captures::{Bar, CaptureResults, Format, find, is_broken_pipe, report, tell_errors};
use crate::report::CSV_HEADER;
pub(crate) use options::Options;

use job::Job;
use ordered::Ordered;

/// Classifies the flows of captures, and prints records or a report. Exit status: 1 where not all could
/// be read, 130 where a signal ended it.
///
/// # Errors
/// nDPI or the policy cannot be used, or the output cannot be written. A capture that cannot be
/// read is reported on standard error, and in the exit status, after all others were read.
pub(crate) fn run(options: Options) -> Result<ExitCode> {
    let found = find(&options.files);
    let problems = found.problems.clone();
    let job = Job::new(options, found)?;
    let mut stdout = io::stdout();
    if job.format == Format::Csv {
        stdout.write_all(CSV_HEADER.as_bytes())?;
    }
    let outcome = match classify(&job, stdout) {
        Ok(outcome) => outcome,
        // `| head`: whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(error),
    };
    if job.format == Format::Text {
        report(job.recording(), job.rows, &outcome)?;
    }
    let captures: usize = job.worlds.iter().map(Vec::len).sum();
    let code = tell_errors(&outcome, &problems, job.settings.max_flows);
    Ok(job.stop.exit(code, captures - outcome.captures.len()))
}

/// Classifies all worlds and brings their outcomes together in order.
fn classify(job: &Job, mut stdout: io::Stdout) -> Result<CaptureResults> {
    let bar = Bar::new(&job.worlds);
    let outcomes = if job.worlds.len() > 1 && job.threads <= job.worlds.len() && child::can_fork() {
        forked::run(job, &mut stdout, &bar)
    } else {
        one_by_one(job, &Ordered::new(stdout), &bar)
    };
    bar.finish();
    let mut all = CaptureResults::default();
    for outcome in outcomes? {
        all.add(outcome);
    }
    Ok(all)
}

/// All threads work on one world, then on the next.
fn one_by_one(job: &Job, out: &Ordered<io::Stdout>, bar: &Bar) -> Result<Vec<CaptureResults>> {
    let (mut outcomes, mut place) = (Vec::new(), 0);
    for world in &job.worlds {
        if job.stop.signal().is_some() {
            break;
        }
        outcomes.push(if job.threads > job.worlds.len() && spread::can_be_read_again(world) {
            spread::run(job, world, out, &mut place, bar)?
        } else {
            if job.threads > job.worlds.len() {
                log::warn!(
                    "one thread classifies what cannot be read twice, such as standard input"
                );
            }
            place += 1;
            world::run(job, &job.engine()?, world, out.place(place - 1), bar)?
        });
    }
    Ok(outcomes)
}
