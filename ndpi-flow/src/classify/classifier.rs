//! The classifier: owns the flows of one thread and takes each from its first sample to its end.

use std::sync::Arc;

use ndpi::Classification;
use ndpi_common::SequenceNumbers;

use super::allowance::{Allowance, WITH_A_PACKET};
use super::blocked_connections::BlockedConnections;
use super::decide::{decide, give_up};
use super::detector::Detector;
use super::end::End;
use super::enforcement::Enforcement;
use super::extensions::Extensions;
use super::fall_back::{end_with, judge};
use super::moved::decide_moved;
use super::put_off::{Awaited, PutOff};
use super::said::Said;
use super::settings::{Accounting, Settings};
use super::sink::Sink;
use super::waiting::Waiting;
use crate::flow::{FlowEntry, FlowTable, Ledger, Meeting, Notes, Pool, Shares, SlotId};
use crate::fragments::Fragments;
use crate::key::FlowKey;
use crate::sample::{Sample, tcp};

/// The classifier of one thread.
#[derive(Debug)]
pub struct Classifier<D: Detector> {
    pub(super) detector: D,
    pub(super) settings: Settings,
    pub(super) table: FlowTable<D::Flow>,
    pub(super) ledger: Ledger,
    pub(super) notes: Notes,
    /// Flows to be looked at again.
    pub(super) waiting: Waiting,
    /// Samples that wait for what nDPI says.
    pub(super) put_off: PutOff,
    /// Blocked connections that may go on in other flows.
    pub(super) connections: Arc<BlockedConnections>,
    /// Where datagrams are put together.
    pub(super) fragments: Arc<Fragments>,
    /// Bytes that are kept for the receivers of undecided flows.
    pub(super) kept: usize,
    /// Flows of which more packets are shown than their budget.
    pub(super) extensions: Extensions,
    /// What it may take of memory.
    pub(super) allowance: Arc<Allowance>,
    /// How often it was asked to give some back, as far as it has.
    pub(super) shrunk: u64,
    /// How often the policy has changed.
    pub(super) policy: u32,
    /// The latest time that was seen, nanoseconds since the Unix epoch.
    pub(super) now_ns: u64,
}

impl<D: Detector> Classifier<D> {
    /// A classifier without flows, for which every client may have all of the table. Where the kernel
    /// keeps flows, there is room for as many notes as flows.
    pub fn new(detector: D, settings: Settings) -> Self {
        Self::with_shares(detector, settings, &Shares::default(), settings.max_flows)
    }

    /// A classifier without flows, in which no client takes more than its share of them, and with room
    /// for `notes` notes of flows that had to go.
    pub fn with_shares(detector: D, settings: Settings, shares: &Shares, notes: usize) -> Self {
        let (ledger, notes) = match settings.accounting {
            Accounting::Classifier => (Ledger::of_one_pool(settings.max_flows), 0),
            Accounting::Kernel => (Ledger::of_flows(settings.max_flows, shares.clone()), notes),
        };
        let of_notes = Shares { blocked: shares.noted, ..shares.clone() };
        let notes = Notes::new(notes, of_notes);
        Self {
            detector,
            settings,
            table: FlowTable::default(),
            ledger,
            notes,
            waiting: Waiting::default(),
            put_off: PutOff::default(),
            connections: Arc::default(),
            fragments: Arc::default(),
            kept: 0,
            extensions: Extensions::default(),
            allowance: Arc::default(),
            shrunk: 0,
            policy: 0,
            now_ns: 0,
        }
    }

    /// Shares its blocked connections with those of other classifiers.
    pub fn share_connections(&mut self, connections: Arc<BlockedConnections>) {
        self.connections = connections;
    }

    /// Its flows.
    pub fn table(&self) -> &FlowTable<D::Flow> {
        &self.table
    }

    /// What is known of flows that had to go.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Takes a sample: finds or opens its flow, looks at the packet, decides if that was the last
    /// that was needed. Where nDPI is asked about several flows together, it may be put off until
    /// [`catch_up`](Self::catch_up).
    pub fn sample(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        self.take(sample, sink);
        if self.put_off.is_due() {
            self.catch_up(sink);
        }
    }

    /// Takes a sample, or puts it off.
    pub(super) fn take(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        if self.is_to_wait(sample) {
            return self.put_off.push(Awaited::Earlier, sample, sink.puts_off());
        }
        self.now_ns = self.now_ns.max(sample.time_ns);
        if sample.rejected {
            return self.rejected(sample, sink);
        }
        if sample.watched {
            return self.watched(sample, sink);
        }
        if sample.stray {
            return self.stray(sample, sink);
        }
        self.look_at_whole(sink);
        let slot = self.slot_for(sample, sink);
        self.heard(slot, sample);
        let Some(flow) = self.table.get_mut(slot) else { return };
        if self.settings.accounting == Accounting::Classifier || flow.decided().is_none() {
            flow.count(sample);
        }
        let meeting = if flow.noted { self.notes.meet(sample) } else { None };
        match meeting {
            // Nothing is shown beyond the last: the verdict has to stand again by then, and the kernel
            // knows by itself what to make of another connection.
            Some(Meeting::Knocks) if !sample.last => drop(self.inspect(slot, sample)),
            Some(Meeting::Stands | Meeting::Knocks) => self.restore(slot, sample, sink),
            Some(Meeting::Over) | None => {
                if std::mem::take(&mut flow.noted) {
                    self.notes.remove(&sample.key);
                }
                self.look(slot, sample, sink);
            }
        }
        self.keep_within_allowance(WITH_A_PACKET, sink);
    }

    /// Ends flows that are over at `now_ns` on the clock of [`Sample::clock_ns`], looking at `steps`
    /// slots of the table.
    pub fn expire(&mut self, now_ns: u64, steps: usize, sink: &mut impl Sink<D::Flow>) {
        self.now_ns = self.now_ns.max(now_ns);
        self.look_at_whole(sink);
        self.catch_up(sink);
        self.keep_within_allowance(steps, sink);
        self.account_for_memory();
        let Some(timeouts) = self.settings.timeouts else { return };
        for _ in 0..steps {
            let Some(slot) = self.table.turn() else { continue };
            let Some(flow) = self.table.get(slot) else { continue };
            let kept_here = self.settings.accounting == Accounting::Classifier
                || flow.decided().is_none()
                || !sink.enforcement().stands(flow);
            if kept_here && timeouts.is_over(flow, now_ns) {
                self.finish(slot, End::of_silent(flow), sink);
            } else if let Some(flow) = self.table.get_mut(slot) {
                sink.goes_on(flow, now_ns);
            }
        }
    }

    /// The same, of all slots.
    pub fn expire_all(&mut self, now_ns: u64, sink: &mut impl Sink<D::Flow>) {
        let slots = self.table.slots().last().map_or(0, |last| last as usize + 1);
        self.expire(now_ns, slots, sink);
    }

    /// Nothing comes for a moment.
    pub fn rest(&self) {
        self.detector.rest();
    }

    /// The flow with this key; its key must stay.
    pub fn get_mut(&mut self, key: &FlowKey) -> Option<&mut FlowEntry<D::Flow>> {
        let slot = self.table.find(key)?;
        self.table.get_mut(slot)
    }

    /// A packet of the flow with this key was seen that makes no sample: it lives on.
    /// The times are those that a sample would have.
    pub fn saw(&mut self, key: &FlowKey, time_ns: u64, clock_ns: u64) {
        self.now_ns = self.now_ns.max(time_ns);
        let Some(slot) = self.table.find(key) else { return };
        self.ledger.touch(slot);
        if let Some(flow) = self.table.get_mut(slot) {
            flow.hear(time_ns, clock_ns);
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
    /// there are. What there are notes of is judged when it comes back.
    pub fn judge_again(&mut self, sink: &mut impl Sink<D::Flow>) -> u64 {
        self.policy = self.policy.wrapping_add(1);
        let mut slots: Vec<SlotId> = self.table.slots().collect();
        slots.retain(|slot| {
            let flow = self.table.get_mut(*slot);
            let decided = flow.and_then(|flow| Some((flow.decided()?.verdict, flow)));
            let is_decided = decided.is_some();
            if let Some((before, flow)) = decided {
                judge(flow, sink.rules());
                sink.judged_again(flow, before);
            }
            is_decided
        });
        // Only now: who has to go for another leaves a note of what this policy says.
        for &slot in &slots {
            self.account(slot, sink);
        }
        slots.len() as u64
    }

    /// Ends all flows, the oldest first.
    pub fn end_all(&mut self, sink: &mut impl Sink<D::Flow>) {
        self.catch_up(sink);
        self.kept = 0;
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
            sink.enforcement().rejected(flow, sample);
        }
    }

    fn slot_for(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) -> SlotId {
        if let Some(slot) = self.table.find_for(sample) {
            match self.ended_before(slot, sample, sink) {
                Some(end) => self.finish(slot, end, sink),
                None => return slot,
            }
        }
        self.open(sample, sink)
    }

    fn open(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) -> SlotId {
        self.make_room(sink);
        let mut flow = FlowEntry::new(sample, self.detector.open());
        flow.noted = self.notes.has(&flow.key);
        let slot = self.table.insert(flow);
        self.ledger.enter(slot, Pool::Unanswered);
        self.account(slot, sink);
        slot
    }

    /// Looks at a packet, or at the datagram that it is a fragment of.
    fn look(&mut self, slot: SlotId, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        if flow.decided().is_some() {
            known(flow, sample, sink);
            return self.read_requests(slot, sample, sink);
        }
        if sample.is_fragment() {
            flow.in_fragments = true;
            return self.look_at_fragment(slot, sample, sink);
        }
        let in_doubt = flow.in_fragments && self.fragments.wait_for(&sample.key, sample.direction);
        self.look_at(slot, &Sample { in_doubt, ..*sample }, sink);
    }

    /// Looks at a packet of an undecided flow, and decides if that was the last that was needed.
    pub(super) fn look_at(&mut self, slot: SlotId, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        if self.settings.normalise
            && let Some(decided) = decide_moved(&self.connections, flow, sample, sink.rules())
        {
            return self.settle(slot, decided, sample, sink);
        }
        let Some(said) = self.inspect(slot, sample) else { return };
        match said {
            Said::Now(known) if self.may_be_acknowledged_soon(slot) => {
                self.put_off(slot, Awaited::Acknowledgement(slot, known), sample, sink);
            }
            _ => self.go_on(slot, said, None, sample, sink),
        }
    }

    /// Goes on with a packet to which nDPI has `said` something, now or later; the kernel has seen `numbers` by now, if
    /// these are known.
    pub(super) fn go_on(
        &mut self,
        slot: SlotId,
        said: Said,
        numbers: Option<SequenceNumbers>,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let acknowledged = self.inspect_acknowledged(slot, numbers, sink.enforcement());
        match acknowledged.filter(|_| said != Said::Later).unwrap_or(said) {
            Said::Now(classification) => self.decide(slot, classification, sample, sink),
            Said::Later => self.put_off(slot, Awaited::Answer(slot), sample, sink),
        }
    }

    /// Decides an undecided flow if `sample`, to which nDPI says `classification`, was the last packet that was needed.
    pub(super) fn decide(
        &mut self,
        slot: SlotId,
        classification: Classification,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        let decided = decide(&self.detector, flow, classification, sample, sink.rules());
        // Beyond the budget nothing more is seen of it: what is known now must do.
        let decided = match decided {
            None if self.is_said(slot) => self.decide_at_last(slot, sample, sink),
            None if self.is_extended(slot, sample, sink) => None,
            None if sample.last => self.decide_at_last(slot, sample, sink),
            decided => decided,
        };
        if let Some(decided) = decided {
            self.settle(slot, decided, sample, sink);
        }
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
        if self.settings.accounting == Accounting::Kernel && flow.decided().is_some() {
            let is_said_since = (sample.reopened || is_opened_late(flow, sample))
                .then(|| sink.enforcement().is_over(sample));
            // What the kernel says of an end came behind the verdict, and what it did not know of one came before.
            return is_said_since.filter(|it| *it == sample.reopened).map(|_| End::Reused);
        }
        if flow.tcp_closed() && tcp::opens(sample.tcp_flags) || flow.is_before(sample) {
            return Some(End::Reused);
        }
        timeouts.is_over(flow, sample.clock_ns).then(|| End::of_silent(flow))
    }

    pub(super) fn finish(&mut self, slot: SlotId, end: End, sink: &mut impl Sink<D::Flow>) {
        let answered = self.ledger.pool(slot) == Some(Pool::Answered);
        self.ledger.leave(slot);
        if let Some(flow) = self.table.remove(slot) {
            if flow.is_put_off {
                self.put_off.forget(slot);
            }
            self.kept -= flow.kept();
            self.leave_note(&flow, end, answered);
            self.finish_flow(flow, end, sink);
        }
    }

    fn finish_flow(&self, mut flow: FlowEntry<D::Flow>, end: End, sink: &mut impl Sink<D::Flow>) {
        self.look_at_rest(&mut flow);
        Self::inspect_rest(&self.detector, &mut flow, true);
        if let Some(decided) = give_up(&self.detector, &mut flow, sink.rules(), true) {
            flow.begin_verdict();
            end_with(&mut flow, decided, sink.rules());
        }
        sink.finished(flow, end);
    }
}

/// Whether a packet opens the connection of a TCP flow that was decided by what came before any SYN of it, and that no
/// receiver has read.
fn is_opened_late<F>(flow: &FlowEntry<F>, sample: &Sample) -> bool {
    let seen = flow.tcp_seen[0] | flow.tcp_seen[1];
    tcp::opens(sample.tcp_flags) && seen != 0 && seen & tcp::SYN == 0
}

/// Takes a packet of a flow that was decided before: where its verdict does not stand yet, it is decided once
/// more.
fn known<F>(flow: &mut FlowEntry<F>, sample: &Sample, sink: &mut impl Sink<F>) {
    if sink.enforcement().stands(flow) {
        return sink.enforcement().passed(flow, sample);
    }
    flow.count(sample);
    sink.decided(flow, sample);
}
