//! `ndpi-xdp pcap`: classifies the flows of captures. No privileges, no kernel.
//!
//! ```text
//! file ─▶ capture ─▶ link ─▶ Sample ─▶ classifier (nDPI) ─▶ FlowSink ─▶ record, summary
//!         `reader.rs`                  `world.rs`, or on several threads `spread.rs`
//! ```
//!
//! A *world* is what one fresh nDPI engine sees: one capture, or with `--join` all of them.

mod arguments;
mod job;
mod ordered;
mod reader;
mod sink;
mod spread;
mod world;

use std::io::{self, Write};
use std::iter;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use anyhow::Result;

pub use arguments::PcapArguments;

use super::captures::{Bar, Format, Outcome, is_broken_pipe, report, tell_errors};
use crate::report::CSV_HEADER;
use job::Job;
use ordered::Ordered;

impl PcapArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// nDPI or the policy cannot be used, or the output cannot be written. A capture that cannot be
    /// read is told on standard error, and in the exit code, after all others were read.
    pub fn run(self) -> Result<ExitCode> {
        let job = Job::new(self)?;
        let mut stdout = io::stdout();
        if job.format == Format::Csv {
            stdout.write_all(CSV_HEADER.as_bytes())?;
        }
        let outcome = match classify(&job, &Ordered::new(stdout)) {
            Ok(outcome) => outcome,
            // `| head`: whoever read the output has seen enough.
            Err(error) if is_broken_pipe(&error) => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error),
        };
        if job.format == Format::Text {
            report(job.recording(), job.rows, &outcome)?;
        }
        Ok(tell_errors(&outcome, job.settings.max_flows))
    }
}

/// Classifies all worlds and brings their outcomes together in order.
fn classify(job: &Job, out: &Ordered<io::Stdout>) -> Result<Outcome> {
    let bar = Bar::new(&job.worlds);
    let outcomes = if job.threads > job.worlds.len() {
        one_by_one(job, out, &bar)
    } else {
        side_by_side(job, out, &bar)
    };
    bar.finish();
    let mut all = Outcome::default();
    for outcome in outcomes? {
        all.add(outcome);
    }
    Ok(all)
}

/// All threads work on one world, then on the next.
fn one_by_one(job: &Job, out: &Ordered<io::Stdout>, bar: &Bar) -> Result<Vec<Outcome>> {
    let (mut outcomes, mut place) = (Vec::new(), 0);
    for world in &job.worlds {
        outcomes.push(if spread::can_be_read_again(world) {
            spread::run(job, world, out, &mut place, bar)?
        } else {
            log::warn!("one thread classifies what cannot be read twice, such as standard input");
            place += 1;
            world::run(job, world, out.place(place - 1), bar)?
        });
    }
    Ok(outcomes)
}

/// Each thread takes the next world until there is none.
fn side_by_side(job: &Job, out: &Ordered<io::Stdout>, bar: &Bar) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut mine = Vec::new();
        loop {
            let index = next.fetch_add(1, Relaxed);
            let Some(world) = job.worlds.get(index) else { return Ok(mine) };
            mine.push((index, world::run(job, world, out.place(index), bar)?));
        }
    };
    let results: Result<Vec<Vec<_>>> = thread::scope(|scope| {
        let others: Vec<_> = (1..job.threads).map(|_| scope.spawn(work)).collect();
        // This thread works too: what one thread alone allocates then grows in large steps.
        let mine = work();
        let others = others.into_iter().map(|thread| thread.join().expect("no panics"));
        iter::once(mine).chain(others).collect()
    });
    let mut outcomes: Vec<(usize, Outcome)> = results?.into_iter().flatten().collect();
    outcomes.sort_by_key(|(index, _)| *index);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}
