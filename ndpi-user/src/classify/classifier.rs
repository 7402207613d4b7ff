//! The classifier: owns the flows of one thread and takes each from its first sample to its end.

use super::decide::{decide, give_up};
use super::{Detector, Judge as _, Moment, Sink};
use crate::flow::{FlowEntry, FlowKey, FlowTable, SlotId, Stage, Timeouts};
use crate::sample::{Sample, tcp};

/// How flows begin and end.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Idle times; `None` for one flow per key until the end of the capture.
    pub timeouts: Option<Timeouts>,
    /// Who sees the packets of decided flows.
    pub keeper: Keeper,
    /// At most this many flows at a time: beyond it, the flow that was silent the longest of a
    /// handful looked at is ended early.
    pub max_flows: usize,
}

/// Who sees the packets of decided flows, and so knows how many there were and when they stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// The classifier: every packet of every flow comes here, as from a capture.
    Classifier,
    /// The kernel, which says when a decided flow is over ([`Classifier::end`]).
    Kernel,
}

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No packet for longer than the timeout.
    Idle,
    /// TCP FIN from both sides, or RST.
    Closed,
    /// A new connection took its key.
    Reused,
    /// The table was full.
    Evicted,
    /// The source of samples ended.
    SourceEnded,
}

impl End {
    /// How a flow ended that was silent for longer than its timeout.
    pub fn of_silent<F>(flow: &FlowEntry<F>) -> Self {
        if flow.tcp_closed() { Self::Closed } else { Self::Idle }
    }

    /// The word for it in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Closed => "closed",
            Self::Reused => "reused",
            Self::Evicted => "evicted",
            Self::SourceEnded => "source-ended",
        }
    }
}

/// Flows looked at to find one to evict: enough that a busy one is rarely hit.
const EVICTION_CANDIDATES: usize = 32;

/// Slots looked at to find them, where many hold flows that must stay.
const EVICTION_STEPS: usize = 1024;

/// The classifier of one thread.
#[derive(Debug)]
pub struct Classifier<D: Detector> {
    detector: D,
    settings: Settings,
    table: FlowTable<D::Flow>,
    shed: u64,
}

impl<D: Detector> Classifier<D> {
    /// A classifier without flows.
    pub fn new(detector: D, settings: Settings) -> Self {
        Self { detector, settings, table: FlowTable::default(), shed: 0 }
    }

    /// Its flows.
    pub fn table(&self) -> &FlowTable<D::Flow> {
        &self.table
    }

    /// Samples that were not looked at, because the table was full of flows that must stay.
    pub fn shed(&self) -> u64 {
        self.shed
    }

    /// Takes a sample: finds or opens its flow, looks at the packet, decides if that was the last
    /// that was needed.
    pub fn sample(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        if sample.rejected {
            return self.rejected(sample, sink);
        }
        let Some(slot) = self.slot_for(sample, sink) else { return };
        let Some(flow) = self.table.get_mut(slot) else { return };
        if self.settings.keeper == Keeper::Classifier || flow.decided().is_none() {
            flow.count(sample);
        }
        let decided = match &mut flow.stage {
            Stage::Decided(_) => {
                sink.known(flow, sample);
                return;
            }
            Stage::Undecided(state) => {
                let time_ms = sample.time_ns / 1_000_000;
                let classification = self.detector.inspect(state, sample.l3, time_ms);
                flow.inspected = flow.inspected.saturating_add(1);
                flow.packets_before = u32::try_from(flow.packets).unwrap_or(u32::MAX);
                let decided = decide(&self.detector, flow, classification, sample, sink.rules());
                // Beyond the budget nothing more is seen of it: what is known now must do.
                if decided.is_none() && sample.last {
                    give_up(&self.detector, flow, sink.rules(), false)
                } else {
                    decided
                }
            }
        };
        if let Some(decided) = decided {
            flow.stage = Stage::Decided(decided);
            sink.decided(flow, sample);
        }
    }

    /// Ends flows that are over at `now_ns` (nanoseconds since the Unix epoch), looking at `steps`
    /// slots of the table.
    pub fn expire(&mut self, now_ns: u64, steps: usize, sink: &mut impl Sink<D::Flow>) {
        let Some(timeouts) = self.settings.timeouts else { return };
        for _ in 0..steps {
            let Some(slot) = self.table.turn() else { continue };
            let Some(flow) = self.table.get(slot) else { continue };
            let kept_here = self.settings.keeper == Keeper::Classifier
                || flow.decided().is_none()
                || !sink.stands(flow);
            if kept_here && timeouts.is_over(flow, now_ns) {
                self.finish(slot, End::of_silent(flow), sink);
            }
        }
    }

    /// The flow with this key; its key must stay.
    pub fn get_mut(&mut self, key: &FlowKey) -> Option<&mut FlowEntry<D::Flow>> {
        let slot = self.table.find(key)?;
        self.table.get_mut(slot)
    }

    /// A packet of the flow with this key was seen that makes no sample: it lives on.
    pub fn saw(&mut self, key: &FlowKey, time_ns: u64) {
        if let Some(flow) = self.get_mut(key) {
            flow.last_seen_ns = flow.last_seen_ns.max(time_ns);
        }
    }

    /// Ends the flow with this key; false where there is none.
    pub fn end(&mut self, key: &FlowKey, end: End, sink: &mut impl Sink<D::Flow>) -> bool {
        let slot = self.table.find(key);
        if let Some(slot) = slot {
            self.finish(slot, end, sink);
        }
        slot.is_some()
    }

    /// Asks the policy again about every decided flow, after a change of policy; returns how many
    /// there are.
    pub fn judge_again(&mut self, sink: &mut impl Sink<D::Flow>) -> u64 {
        let slots: Vec<SlotId> = self.table.slots().collect();
        let mut judged = 0;
        for slot in slots {
            let Some(flow) = self.table.get_mut(slot) else { continue };
            let Stage::Decided(decided) = &flow.stage else { continue };
            let before = decided.verdict;
            let verdict =
                sink.rules().judge(flow, &decided.classification, &decided.details, Moment::Final);
            if let Stage::Decided(decided) = &mut flow.stage {
                decided.verdict = verdict;
            }
            sink.judged_again(flow, before);
            judged += 1;
        }
        judged
    }

    /// Ends all flows, the oldest first.
    pub fn end_all(&mut self, sink: &mut impl Sink<D::Flow>) {
        for flow in std::mem::take(&mut self.table).into_oldest_first() {
            self.finish_flow(flow, End::SourceEnded, sink);
        }
    }

    /// A packet that was dropped tells nothing new of its flow, and opens none: where the flow is
    /// over here, its verdict is about to go.
    fn rejected(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        if let Some(flow) = self.table.look_up(&sample.key)
            && flow.decided().is_some()
        {
            sink.rejected(flow, sample);
        }
    }

    fn slot_for(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) -> Option<SlotId> {
        if let Some(slot) = self.table.find(&sample.key) {
            match self.ended_before(slot, sample, sink) {
                Some(end) => self.finish(slot, end, sink),
                None => return Some(slot),
            }
        }
        if self.table.len() >= self.settings.max_flows && !self.evict(sink) {
            self.shed += 1;
            return None;
        }
        Some(self.table.insert(FlowEntry::new(sample, self.detector.open())))
    }

    /// Whether the flow in `slot` was over before `sample` came, so that the sample opens another.
    fn ended_before(
        &self,
        slot: SlotId,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) -> Option<End> {
        let timeouts = self.settings.timeouts?;
        let flow = self.table.get(slot)?;
        if self.settings.keeper == Keeper::Kernel && flow.decided().is_some() {
            return (sample.reopened && sink.is_over(&sample.key)).then_some(End::Reused);
        }
        if flow.tcp_closed() && tcp::opens(sample.tcp_flags) {
            return Some(End::Reused);
        }
        timeouts.is_over(flow, sample.time_ns).then(|| End::of_silent(flow))
    }

    /// Makes room for a flow; false where all that were looked at must stay.
    fn evict(&mut self, sink: &mut impl Sink<D::Flow>) -> bool {
        let mut candidates = 0;
        let mut oldest: Option<(u64, SlotId)> = None;
        for _ in 0..EVICTION_STEPS {
            let Some(slot) = self.table.turn() else { continue };
            let Some(flow) = self.table.get(slot).filter(|flow| self.may_go(flow)) else {
                continue;
            };
            let candidate = (flow.last_seen_ns, slot);
            oldest = Some(oldest.map_or(candidate, |best| best.min(candidate)));
            candidates += 1;
            if candidates == EVICTION_CANDIDATES {
                break;
            }
        }
        if let Some((_, slot)) = oldest {
            self.finish(slot, End::Evicted, sink);
        }
        oldest.is_some()
    }

    /// Whether a flow may be ended for another. One that the kernel blocks may not: with it its
    /// verdict would go, and the flow would get through.
    fn may_go(&self, flow: &FlowEntry<D::Flow>) -> bool {
        let verdict = flow.decided().and_then(|decided| decided.verdict);
        self.settings.keeper == Keeper::Classifier
            || !verdict.is_some_and(|verdict| verdict.action.drops())
    }

    fn finish(&mut self, slot: SlotId, end: End, sink: &mut impl Sink<D::Flow>) {
        if let Some(flow) = self.table.remove(slot) {
            self.finish_flow(flow, end, sink);
        }
    }

    fn finish_flow(&self, mut flow: FlowEntry<D::Flow>, end: End, sink: &mut impl Sink<D::Flow>) {
        if let Some(decided) = give_up(&self.detector, &mut flow, sink.rules(), true) {
            flow.stage = Stage::Decided(decided);
        }
        sink.finished(flow, end);
    }
}
