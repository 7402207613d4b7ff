//! A capture set on several threads: each reads all of it, and classifies the flows that are its own by
//! their keys.
//!
//! Reading and parsing are a tenth of the work. Doing them on every thread costs less than handing
//! packets from one thread to the others, and all that threads have to agree on is the order of the
//! output: after so many packets of the set a *round* is over, and the records of a round are
//! written thread by thread.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Result;
use ndpi::Engine;
use ndpi_capture::link::Outer;
use ndpi_flow::{Sample, Shards};

use super::flows::Flows;
use super::job::Job;
use super::ordered::Ordered;
use super::reader::{self, Take};
use super::sink;
use crate::captures::{Bar, CaptureResults};
use crate::report::{CaptureReport, Summary};

/// Strides of packets in a round.
const STRIDES: usize = 64;

/// Whether the captures of a set can be read by several threads at once: not so streams.
pub(super) fn can_be_read_again(set: &[PathBuf]) -> bool {
    let is_file = |path: &PathBuf| path.metadata().is_ok_and(|about| about.is_file());
    set.iter().all(|path| is_file(path) && path != Path::new("-"))
}

/// Classifies the flows of one set on all of the job's threads. The output takes places from
/// `place` on, which is moved behind the last one.
pub(super) fn run<W: Write + Send>(
    job: &Job,
    set: &[PathBuf],
    out: &Ordered<W>,
    place: &mut usize,
    bar: &Bar,
) -> Result<CaptureResults> {
    let engines = job.sharing_engines()?;
    let first_place = *place;
    let read = |mine: usize, engine: Engine, bar: &Bar| {
        let part = Part {
            mine,
            // The order of the records is the same in every run.
            shards: Shards::fixed(job.threads),
            flows: Flows::new(job, &engine, set),
            out,
            place: first_place + mine,
            strides: 0,
        };
        part.read(job, set, bar)
    };
    let results: Result<Vec<Done>> = thread::scope(|scope| {
        let read = &read;
        let mut parts = engines.into_iter().enumerate();
        let first = parts.next();
        let others: Vec<_> = parts
            .map(|(mine, engine)| scope.spawn(move || read(mine, engine, &Bar::hidden())))
            .collect();
        let first = first.map(|(mine, engine)| read(mine, engine, bar));
        let others = others.into_iter().map(|thread| thread.join().expect("no panics"));
        first.into_iter().chain(others).collect()
    });
    bring_together(job, results?, out, place)
}

/// What a thread did.
struct Done {
    captures: Vec<CaptureReport>,
    summary: Summary,
    /// The place that its next round would have had.
    place: usize,
}

/// Adds up what the threads did, and ends the set's output.
fn bring_together<W: Write>(
    job: &Job,
    parts: Vec<Done>,
    out: &Ordered<W>,
    place: &mut usize,
) -> Result<CaptureResults> {
    let last = parts.iter().map(|part| part.place).max().unwrap_or(*place);
    let mut outcome = CaptureResults::default();
    for part in parts {
        // A file that grows while it is read can have more rounds for one thread than for another.
        for missed in (part.place..last).step_by(job.threads) {
            out.place(missed).finish()?;
        }
        outcome.summary.add(part.summary);
        if outcome.captures.is_empty() {
            outcome.captures = part.captures;
        }
    }
    let mut records = Vec::new();
    sink::write_captures(job, &outcome.captures, &mut records);
    let end = out.place(last);
    end.write(&mut records)?;
    end.finish()?;
    *place = last + 1;
    Ok(outcome)
}

/// One thread's part of a set.
struct Part<'a, 'e, W> {
    mine: usize,
    shards: Shards,
    flows: Flows<'a, 'e>,
    out: &'a Ordered<W>,
    /// Where the records of the current round go.
    place: usize,
    strides: usize,
}

impl<W: Write> Part<'_, '_, W> {
    fn read(mut self, job: &Job, set: &[PathBuf], bar: &Bar) -> Result<Done> {
        let captures = reader::read(job, set, bar, &mut self)?;
        if job.stop.signal().is_some() {
            // Each thread has stopped at a packet of its own.
            self.out.release();
        }
        self.flows.end_all();
        self.end_round()?;
        Ok(Done { captures, place: self.place, summary: self.flows.into_summary() })
    }

    fn end_round(&mut self) -> Result<()> {
        let out = self.out.place(self.place);
        out.write(self.flows.records())?;
        out.finish()?;
        self.place += self.shards.count();
        Ok(())
    }
}

impl<W: Write> Take for Part<'_, '_, W> {
    #[inline]
    fn sample(&mut self, sample: &Sample, outer: Option<Outer>) -> Result<()> {
        if self.shards.owner(&sample.key) == self.mine {
            self.flows.sample(sample, outer);
        }
        Ok(())
    }

    fn end(&mut self, now_ns: u64) {
        self.flows.expire_all(now_ns);
    }

    fn stride(&mut self, now_ns: u64) -> Result<()> {
        self.flows.expire(now_ns);
        self.strides += 1;
        if self.strides.is_multiple_of(STRIDES) { self.end_round() } else { Ok(()) }
    }
}
