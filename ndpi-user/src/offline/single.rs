//! A capture set on one thread: one engine sees everything.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use ndpi::Engine;
use ndpi_capture::link::Outer;
use ndpi_flow::Sample;

use super::flows::Flows;
use super::job::Job;
use super::ordered::Placed;
use super::reader::{self, Take};
use super::sink;
use crate::captures::{Bar, CaptureResults};

/// Records are handed on in pieces of this size.
const OUTPUT_STEP: usize = 64 << 10;

/// Classifies the flows of one set with an `engine` that has seen nothing.
pub(super) fn run<W: Write>(
    job: &Job,
    engine: &Engine,
    set: &[PathBuf],
    out: Placed<'_, W>,
    bar: &Bar,
) -> Result<CaptureResults> {
    let mut single = Single { flows: Flows::new(job, engine, set), out };
    let captures = reader::read(job, set, bar, &mut single)?;
    let Single { mut flows, out } = single;
    flows.end_all();
    sink::write_captures(job, &captures, flows.records());
    out.write(flows.records())?;
    out.finish()?;
    Ok(CaptureResults { captures, summary: flows.into_summary() })
}

/// All flows of a set, and where their records go.
struct Single<'a, 'e, W> {
    flows: Flows<'a, 'e>,
    out: Placed<'a, W>,
}

impl<W: Write> Take for Single<'_, '_, W> {
    #[inline]
    fn sample(&mut self, sample: &Sample, outer: Option<Outer>) -> Result<()> {
        self.flows.sample(sample, outer);
        Ok(())
    }

    fn end(&mut self, now_ns: u64) {
        self.flows.expire_all(now_ns);
    }

    fn stride(&mut self, now_ns: u64) -> Result<()> {
        self.flows.expire(now_ns);
        if self.flows.records().len() >= OUTPUT_STEP {
            self.out.write(self.flows.records())?;
        }
        Ok(())
    }
}
