//! A world on one thread: one engine sees everything.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use ndpi::Engine;
use ndpi_capture::link::Outer;
use ndpi_flow::{Classifier, Sample};

use super::job::Job;
use super::ordered::Placed;
use super::reader::{self, STRIDE, Take};
use super::sink::{self, FlowSink};
use crate::captures::{Bar, CaptureResults};

/// Records are handed on in pieces of this size.
const OUTPUT_STEP: usize = 64 << 10;

/// Flows looked at for idleness every [`STRIDE`] packets.
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
pub(super) const EXPIRE_STEPS: usize = STRIDE as usize;

/// Classifies the flows of one world with an `engine` that has seen nothing.
pub(super) fn run<W: Write>(
    job: &Job,
    engine: &Engine,
    world: &[PathBuf],
    out: Placed<'_, W>,
    bar: &Bar,
) -> Result<CaptureResults> {
    let classifier = Classifier::new(engine, job.settings);
    let sink = FlowSink::new(job.recording(), reader::names(job, world));
    let mut one = One { classifier, sink, out };
    let captures = reader::read(job, world, bar, &mut one)?;
    let One { mut classifier, mut sink, out } = one;
    classifier.end_all(&mut sink);
    sink::write_captures(job, &captures, &mut sink.recorder.out);
    out.write(&mut sink.recorder.out)?;
    out.finish()?;
    Ok(CaptureResults { captures, summary: sink.recorder.summary })
}

/// The classifier of a world and what it feeds.
struct One<'a, 'e, W> {
    classifier: Classifier<&'e Engine>,
    sink: FlowSink<'a>,
    out: Placed<'a, W>,
}

impl<W: Write> Take for One<'_, '_, W> {
    #[inline]
    fn sample(&mut self, sample: &Sample, outer: Option<Outer>) -> Result<()> {
        self.classifier.sample(sample, &mut self.sink);
        if let Some(outer) = outer {
            self.sink.recorder.tunnelled(sample.key, sample.tenant, outer);
        }
        Ok(())
    }

    fn end(&mut self, now_ns: u64) {
        self.classifier.expire_all(now_ns, &mut self.sink);
    }

    fn stride(&mut self, now_ns: u64) -> Result<()> {
        self.classifier.expire(now_ns, EXPIRE_STEPS, &mut self.sink);
        if self.sink.recorder.out.len() >= OUTPUT_STEP {
            self.out.write(&mut self.sink.recorder.out)?;
        }
        Ok(())
    }
}
