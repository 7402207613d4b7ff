//! The flows of a capture set, as far as one thread has them: a classifier, and the sink that it feeds.

use std::path::PathBuf;

use ndpi::Engine;
use ndpi_capture::link::Outer;
use ndpi_flow::{Classifier, Deferring, Sample};

use super::job::Job;
use super::reader::{self, STRIDE};
use super::sink::FlowSink;
use crate::report::Summary;

/// Flows looked at for idleness every [`STRIDE`] packets.
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
const EXPIRE_STEPS: usize = STRIDE as usize;

/// Classifies samples, and turns flows into records and sums.
pub(super) struct Flows<'a, 'e> {
    classifier: Classifier<Deferring<&'e Engine>>,
    sink: FlowSink<'a>,
}

impl<'a, 'e> Flows<'a, 'e> {
    /// None yet, of the captures `set`; the engine has seen nothing.
    pub(super) fn new(job: &'a Job, engine: &'e Engine, set: &[PathBuf]) -> Self {
        Self {
            classifier: Classifier::new(Deferring(engine), job.settings),
            sink: FlowSink::new(job.recording(), reader::names(job, set)),
        }
    }

    #[inline]
    pub(super) fn sample(&mut self, sample: &Sample, outer: Option<Outer>) {
        self.classifier.sample(sample, &mut self.sink);
        if let Some(outer) = outer {
            self.sink.recorder.tunnelled(sample.key, sample.tenant, outer);
        }
    }

    /// Ends some flows that are idle by now.
    pub(super) fn expire(&mut self, now_ns: u64) {
        self.classifier.expire(now_ns, EXPIRE_STEPS, &mut self.sink);
    }

    /// Ends all flows that are idle by now.
    pub(super) fn expire_all(&mut self, now_ns: u64) {
        self.classifier.expire_all(now_ns, &mut self.sink);
    }

    /// Ends all flows.
    pub(super) fn end_all(&mut self) {
        self.classifier.end_all(&mut self.sink);
    }

    /// The records that are ready, for whoever writes them to take.
    pub(super) fn records(&mut self) -> &mut Vec<u8> {
        &mut self.sink.recorder.out
    }

    /// The sums of all flows that have ended.
    pub(super) fn into_summary(self) -> Summary {
        self.sink.recorder.summary
    }
}
