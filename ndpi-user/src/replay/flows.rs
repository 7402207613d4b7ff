//! The flows of a capture: from the samples that the kernel shows to their ends, by the capture's
//! time.

use anyhow::Result;
use ndpi::Engine;
use ndpi_common::tick_of;
use ndpi_flow::{Classifier, Deferring, End, FlowKey, Sample, Settings, Stage, Timeouts};

use super::sink::ReplaySink;
use super::test_run_kernel::TestRunKernel;
use crate::enforce::end_of;

/// Ticks of the capture's time between two sweeps: five seconds, as `run` has it by default.
const SWEEP_TICKS: u32 = tick_of(5_000_000_000);

/// The classifier and what it feeds.
pub(super) struct Flows<'a, 'e> {
    classifier: Classifier<Deferring<&'e Engine>>,
    pub(super) sink: ReplaySink<'a>,
    timeouts: Option<Timeouts>,
    swept: u32,
}

impl<'a, 'e> Flows<'a, 'e> {
    pub(super) fn new(engine: &'e Engine, settings: Settings, sink: ReplaySink<'a>) -> Self {
        let classifier = Classifier::new(Deferring(engine), settings);
        Self { classifier, sink, timeouts: settings.timeouts, swept: 0 }
    }

    /// Ends the flow with this key if it is over, before its next packet is run; says whether it was.
    pub(super) fn end_if_over(&mut self, key: &FlowKey, kernel: &TestRunKernel) -> Result<bool> {
        let end = self.end_of(key, kernel)?;
        Ok(end.is_some_and(|end| self.classifier.end(key, end, &mut self.sink)))
    }

    fn end_of(&self, key: &FlowKey, kernel: &TestRunKernel) -> Result<Option<End>> {
        let flow = self.classifier.table().look_up(key);
        let (Some(timeouts), Some(flow)) = (self.timeouts, flow) else { return Ok(None) };
        Ok(match flow.stage {
            Stage::Decided(_) => {
                kernel.verdict(key)?.and_then(|entry| end_of(key, &entry, kernel.tick(), &timeouts))
            }
            Stage::Undecided(_) => {
                timeouts.is_over(flow, kernel.ktime_ns()).then(|| End::of_silent(flow))
            }
        })
    }

    /// Takes a sample that the kernel has shown.
    pub(super) fn sample(&mut self, sample: &Sample) {
        self.classifier.sample(sample, &mut self.sink);
        if sample.reopened
            && self.timeouts.is_none()
            && let Some(flow) = self.classifier.table().look_up(&sample.key)
        {
            self.sink.renew(flow);
        }
    }

    /// A packet of the flow with this key was run.
    pub(super) fn saw(&mut self, key: &FlowKey, time_ns: u64, kernel: &TestRunKernel) {
        self.classifier.saw(key, time_ns, kernel.ktime_ns());
    }

    /// Ends flows that are over: of the undecided ones it looks at `steps`.
    pub(super) fn sweep(&mut self, steps: usize, kernel: &TestRunKernel) -> Result<()> {
        self.classifier.expire(kernel.ktime_ns(), steps, &mut self.sink);
        if kernel.tick().wrapping_sub(self.swept) < SWEEP_TICKS {
            return Ok(());
        }
        self.swept = kernel.tick();
        self.sweep_decided(kernel)
    }

    /// Ends the decided flows that are over.
    fn sweep_decided(&mut self, kernel: &TestRunKernel) -> Result<()> {
        let (Some(timeouts), tick) = (self.timeouts, kernel.tick()) else { return Ok(()) };
        let mut over = Vec::new();
        for entry in kernel.verdicts().entries() {
            let (key, verdict) = entry?;
            if let Some(end) = end_of(&key, &verdict, tick, &timeouts) {
                over.push((self.first_seen(&key), key, end));
            }
        }
        // The kernel has them in no order.
        over.sort_by_key(|(first_seen, key, _)| (*first_seen, *key));
        for (_, key, end) in over {
            if !self.classifier.end(&key, end, &mut self.sink) {
                self.sink.forget(&key);
            }
        }
        Ok(())
    }

    /// Ends all flows: those that are over as such, then the others.
    pub(super) fn end_all(&mut self, kernel: &TestRunKernel) -> Result<()> {
        self.classifier.expire_all(kernel.ktime_ns(), &mut self.sink);
        self.sweep_decided(kernel)?;
        self.classifier.end_all(&mut self.sink);
        Ok(())
    }

    fn first_seen(&self, key: &FlowKey) -> Option<u64> {
        self.classifier.table().look_up(key).map(|flow| flow.first_seen_ns)
    }
}
