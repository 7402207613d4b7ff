//! Classifies the flows of captures: `ndpi-xdp pcap`. No privileges, no kernel.
//!
//! ```text
//! file ─▶ capture ─▶ link ─▶ Sample ─▶ classifier (nDPI) ─▶ FlowSink ─▶ record, summary
//!         `reader.rs`                  `single.rs`, or on several threads `spread.rs`
//! ```
//!
//! A *capture set* is what one fresh nDPI engine sees: one capture, or with `--join` all of them.

mod child;
mod flows;
mod forked;
mod job;
mod message;
mod options;
mod ordered;
mod reader;
mod single;
mod sink;
mod spread;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

use crate::captures::{Bar, CaptureResults, Format, find, is_broken_pipe, report, tell_errors};
pub(crate) use options::Options;

use job::Job;
use ndpi_export::csv_header;
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
        stdout.write_all(csv_header().as_bytes())?;
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
    let captures: usize = job.sets.iter().map(Vec::len).sum();
    let code = tell_errors(&outcome, &problems, job.settings.max_flows);
    Ok(job.stop.exit(code, captures - outcome.captures.len()))
}

/// Classifies all sets and brings their outcomes together in order.
fn classify(job: &Job, mut stdout: io::Stdout) -> Result<CaptureResults> {
    let bar = Bar::new(&job.sets);
    let forks = job.sets.len() > 1 && job.threads <= job.sets.len() && child::can_fork();
    let sandbox = job.confine(forks);
    let outcomes = if forks {
        forked::run(job, sandbox, &mut stdout, &bar)
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

/// All threads work on one set, then on the next.
fn one_by_one(job: &Job, out: &Ordered<io::Stdout>, bar: &Bar) -> Result<Vec<CaptureResults>> {
    let (mut outcomes, mut place) = (Vec::new(), 0);
    for set in &job.sets {
        if job.stop.signal().is_some() {
            break;
        }
        outcomes.push(if job.threads > job.sets.len() && spread::can_be_read_again(set) {
            spread::run(job, set, out, &mut place, bar)?
        } else {
            if job.threads > job.sets.len() {
                log::warn!(
                    "one thread classifies what cannot be read twice, such as standard input"
                );
            }
            place += 1;
            single::run(job, &job.engine()?, set, out.place(place - 1), bar)?
        });
    }
    Ok(outcomes)
}
