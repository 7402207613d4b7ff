//! A world on several threads: each flow belongs to one of several engines, by its key.
//!
//! The reader deals samples out in rounds. A round is over when every thread has said what came of
//! it, so the output has the same order in every run, and no more than two rounds are in memory.

use std::io::Write;
use std::path::PathBuf;
use std::thread;

use anyhow::Result;
use crossbeam::channel::{Receiver, Sender, bounded};
use ndpi::Engine;

use super::Outcome;
use super::job::Job;
use super::ordered::Placed;
use super::progress::Bar;
use super::reader::{self, Take};
use super::sink::{self, FlowSink};
use super::world::EXPIRE_STEPS;
use crate::batch::Batch;
use crate::classify::Classifier;
use crate::flow::{FlowKey, shard};
use crate::link::Outer;
use crate::report::Summary;
use crate::sample::Sample;

/// Rounds that a thread may be behind the reader.
const ROUNDS_AHEAD: usize = 2;
/// Bytes of packets that end a round, of any one thread.
const ROUND_BYTES: usize = 256 << 10;

/// Classifies the flows of one world on all of the job's threads.
pub(super) fn run<W: Write>(
    job: &Job,
    world: &[PathBuf],
    out: Placed<'_, W>,
    bar: &Bar,
) -> Result<Outcome> {
    let engines = job.sharing_engines()?;
    thread::scope(|scope| {
        let mut dealer = Dealer { shards: Vec::new(), out, now_ns: 0, rounds_open: 0 };
        let mut threads = Vec::new();
        for engine in engines {
            let (shard, worker) = connect(job, world);
            dealer.shards.push(shard);
            threads.push(scope.spawn(move || worker.run(&engine)));
        }
        let captures = reader::read(job, world, bar, &mut dealer)?;
        dealer.end_round()?;
        let out = dealer.close()?;
        let mut outcome = Outcome { captures, summary: Summary::default() };
        let mut last = Vec::new();
        for thread in threads {
            let sink = thread.join().expect("no panics");
            last.extend(sink.out);
            outcome.summary.add(sink.summary);
        }
        sink::write_captures(job, &outcome.captures, &mut last);
        out.write(&mut last)?;
        out.finish()?;
        Ok(outcome)
    })
}

/// A round's samples for one thread.
struct Round {
    samples: Batch,
    outers: Vec<(FlowKey, Outer)>,
    now_ns: u64,
}

/// What came of a round: its records, and the batch to be used again.
struct Done {
    records: Vec<u8>,
    samples: Batch,
}

/// The reader's end of a thread.
struct Shard {
    filling: Batch,
    outers: Vec<(FlowKey, Outer)>,
    rounds: Sender<Round>,
    done: Receiver<Done>,
}

/// A thread's end.
struct Worker<'a> {
    sink: FlowSink<'a>,
    job: &'a Job,
    rounds: Receiver<Round>,
    done: Sender<Done>,
}

fn connect<'a>(job: &'a Job, world: &[PathBuf]) -> (Shard, Worker<'a>) {
    let (to_worker, rounds) = bounded(ROUNDS_AHEAD);
    let (done, from_worker) = bounded(ROUNDS_AHEAD);
    let sink = FlowSink::new(job, reader::names(world));
    let (filling, outers) = (Batch::default(), Vec::new());
    let shard = Shard { filling, outers, rounds: to_worker, done: from_worker };
    (shard, Worker { sink, job, rounds, done })
}

impl<'a> Worker<'a> {
    /// Classifies until the reader has no more.
    fn run(mut self, engine: &Engine) -> FlowSink<'a> {
        let mut classifier = Classifier::new(engine, self.job.settings);
        for Round { mut samples, outers, now_ns } in &self.rounds {
            for (key, outer) in outers {
                self.sink.tunnelled(key, outer);
            }
            for sample in samples.iter() {
                classifier.sample(&sample, &mut self.sink);
            }
            classifier.expire(now_ns, EXPIRE_STEPS.max(samples.len()), &mut self.sink);
            samples.clear();
            let records = std::mem::take(&mut self.sink.out);
            if self.done.send(Done { records, samples }).is_err() {
                break;
            }
        }
        classifier.end_all(&mut self.sink);
        self.sink
    }
}

/// Deals samples out.
struct Dealer<'a, W> {
    shards: Vec<Shard>,
    out: Placed<'a, W>,
    now_ns: u64,
    /// Rounds that were dealt and not yet done.
    rounds_open: usize,
}

impl<W: Write> Take for Dealer<'_, W> {
    #[inline]
    fn sample(&mut self, sample: &Sample, outer: Option<Outer>) -> Result<()> {
        self.now_ns = sample.time_ns;
        let index = shard(&sample.key, self.shards.len());
        let shard = &mut self.shards[index];
        shard.filling.push(sample);
        shard.outers.extend(outer.map(|outer| (sample.key, outer)));
        if shard.filling.byte_len() >= ROUND_BYTES {
            self.end_round()?;
        }
        Ok(())
    }

    fn stride(&mut self, _now_ns: u64) -> Result<()> {
        Ok(())
    }
}

impl<'a, W: Write> Dealer<'a, W> {
    /// Hands every thread its part of the round, and takes back the oldest one that is open when
    /// there are enough.
    fn end_round(&mut self) -> Result<()> {
        let spare =
            if self.rounds_open == ROUNDS_AHEAD { self.finish_round()? } else { Vec::new() };
        let mut spare = spare.into_iter();
        for shard in &mut self.shards {
            let empty = spare.next().unwrap_or_default();
            let samples = std::mem::replace(&mut shard.filling, empty);
            let outers = std::mem::take(&mut shard.outers);
            let round = Round { samples, outers, now_ns: self.now_ns };
            shard.rounds.send(round).expect("threads end after the reader");
        }
        self.rounds_open += 1;
        Ok(())
    }

    /// Writes what came of the oldest open round; returns its batches.
    fn finish_round(&mut self) -> Result<Vec<Batch>> {
        let mut spare = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let mut done = shard.done.recv().expect("threads answer every round");
            self.out.write(&mut done.records)?;
            spare.push(done.samples);
        }
        self.rounds_open -= 1;
        Ok(spare)
    }

    /// Finishes all rounds and lets the threads end.
    fn close(mut self) -> Result<Placed<'a, W>> {
        while self.rounds_open > 0 {
            self.finish_round()?;
        }
        Ok(self.out)
    }
}
