//! Pushes captures through the real programs, without an interface (`BPF_PROG_TEST_RUN`): `ndpi-xdp
//! replay`.
//!
//! ```text
//! file ─▶ capture ─▶ link ─▶ Ethernet frame ─▶ XDP program ─▶ pass · drop, counted under a reason
//!                   `Framer`                   │ `test_run_kernel.rs`
//!                                              ▼ ring
//!                    verdict map ◀─ sink ◀─ classifier (nDPI)      `pipeline.rs`, `flows.rs`, `sink.rs`
//! ```
//!
//! It goes packet by packet on one thread: what the kernel shows of a packet is classified, and the
//! verdict stands, before the next packet is run. So the same capture always gives the same output.
//! The kernel's coarse clock follows the times in the capture (`captures/timeline.rs`), and so do its token
//! buckets (`buckets.rs`).

mod answers;
mod buckets;
mod capture_run;
mod counted;
mod flows;
mod job;
mod options;
mod packets;
mod pipeline;
mod sink;
mod test_run_kernel;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use ndpi::Engine;
use ndpi_kernel::check_capabilities;

pub(crate) use options::Options;

use crate::captures::{
    Bar, CaptureResults, Format, Timeline, find, is_broken_pipe, report, tell_errors,
};
use crate::stdout::print;
use answers::Answers;
use capture_run::CaptureRun;
use job::Job;
use ndpi_export::csv_header;
use test_run_kernel::TestRunKernel;

/// Replays captures, and prints records or a report. Exit status: 1 where not all could be read, 130 where
/// a signal ended it.
///
/// # Errors
/// The programs cannot be loaded, nDPI or the policy cannot be used, a map has no room, or the
/// output cannot be written. A capture that cannot be read is reported on standard error, and in
/// the exit status, after all others were read.
pub(crate) fn run(options: Options) -> Result<ExitCode> {
    check_capabilities()?;
    let found = find(&options.files);
    let (load, rows, sandbox) = (options.load.clone(), options.rows, options.sandbox);
    let (job, engine) = Job::new(options, found.folders.clone())?;
    let mut kernel = TestRunKernel::load(&load)?;
    // That it could not be done has been said.
    let _ = sandbox.enter(&job.keeps(&found.captures));
    kernel.pass_messages_on()?;
    let (outcome, answers) = match replay(&job, &found.captures, kernel, engine) {
        Ok(done) => done,
        // `| head`: whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(error),
    };
    if job.format == Format::Text {
        report(job.recording(), rows, &outcome)?;
        if !outcome.has_nothing_but_errors() {
            print(&answers.to_string())?;
        }
    }
    let code = tell_errors(&outcome, &found.problems, job.settings.max_flows);
    Ok(job.stop.exit(code, found.captures.len() - outcome.captures.len()))
}

/// Replays all captures, one after the other.
fn replay(
    job: &Job,
    captures: &[PathBuf],
    mut kernel: TestRunKernel,
    first: Engine,
) -> Result<(CaptureResults, Answers)> {
    let mut out = io::stdout().lock();
    if job.format == Format::Csv {
        out.write_all(csv_header().as_bytes())?;
    }
    let bar = Bar::new(&[captures.to_vec()]);
    let (mut timeline, mut first) = (Timeline::new(), Some(first));
    let (mut outcome, mut answers) = (CaptureResults::default(), Answers::default());
    for path in captures {
        if job.stop.signal().is_some() {
            break;
        }
        let engine = first.take().map_or_else(|| job.engine(), Ok)?;
        let capture_run = CaptureRun::new(job, path, &engine, &mut kernel, &mut timeline)?;
        // Making an engine takes longer than most captures.
        if job.stop.signal().is_some() {
            break;
        }
        let (done, answered) = capture_run.run(path, &mut out, &bar)?;
        outcome.add(done);
        answers.add(answered);
    }
    out.flush()?;
    bar.finish();
    Ok((outcome, answers))
}
