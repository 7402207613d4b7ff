//! Requests for other hosts on a connection that passes: the strictest verdict that one of them gets is the
//! flow's.

use super::classifier::Classifier;
use super::detector::Detector;
use super::enforcement::Enforcement;
use super::sink::{Judge, Moment, Sink};
use crate::flow::{Decided, DecidedBy, FlowEntry, RuleTexts, SlotId, Stage};
use crate::normalise::Receiver;
use crate::sample::Sample;
use crate::verdict::{Action, Verdict};

impl<D: Detector> Classifier<D> {
    /// Goes on reading the requests of a flow that has just been decided and passes.
    pub(super) fn follow_requests(&mut self, slot: SlotId, rules: &mut impl Judge<D::Flow>) {
        if !rules.judges_requests() {
            return;
        }
        let Some(flow) = self.table.get_mut(slot).filter(|flow| passes(flow)) else { return };
        let before = flow.kept();
        if let Some(receiver) = &mut flow.receiver {
            receiver.follow_requests(flow.client, &mut flow.findings);
        }
        self.kept = self.kept + flow.kept() - before;
    }

    /// A packet that its verdict let through is shown, since it may bring another request.
    pub(super) fn watched(&mut self, sample: &Sample, sink: &mut impl Sink<D::Flow>) {
        if let Some(slot) = self.table.find(&sample.key) {
            self.read_requests(slot, sample, sink);
        }
    }

    /// Reads what a packet of a decided flow brings, if its requests are followed.
    pub(super) fn read_requests(
        &mut self,
        slot: SlotId,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let Some(flow) = self.table.get(slot) else { return };
        if sample.direction != flow.client || flow.followed().is_none() {
            return;
        }
        let room = self.room_for(slot);
        let Some(flow) = self.table.get_mut(slot) else { return };
        let (before, found) = (flow.kept(), flow.findings);
        if let Some(receiver) = &mut flow.receiver {
            receiver.packet(sample, room, &mut flow.findings, |_| {});
        }
        self.kept = self.kept + flow.kept() - before;
        let is_found = flow.findings != found;
        if is_found {
            sink.found(flow);
        }
        self.judge_requests(slot, is_found, sample, sink);
        if let Some(flow) = self.table.get_mut(slot) {
            sink.enforcement().follow(flow);
        }
        self.end_following(slot);
    }

    /// Judges the requests that were read, and the flow by what `is_found` in it besides.
    pub(super) fn judge_requests(
        &mut self,
        slot: SlotId,
        is_found: bool,
        sample: &Sample,
        sink: &mut impl Sink<D::Flow>,
    ) {
        let Some(flow) = self.table.get_mut(slot) else { return };
        let hosts = flow.receiver.as_mut().map(Receiver::requested_hosts).unwrap_or_default();
        let asked = hosts.iter().map(|host| Some(&**host)).chain(is_found.then_some(None));
        for host in asked {
            let Some(before) = flow.decided() else { return };
            let verdict_before = before.verdict;
            let decided = request(&self.detector, before, host);
            let Decided { classification, details, .. } = &decided;
            let texts = RuleTexts::from(details);
            let verdict = sink.rules().judge(flow, classification, &texts, Moment::Final);
            if is_stricter(verdict, verdict_before) {
                flow.stage = Stage::Decided(Decided { verdict, ..decided });
                sink.decided_again(flow, verdict_before, sample);
            }
        }
    }

    /// Frees what is kept for the requests of a flow that passes no more, or has no more of them.
    pub(super) fn end_following(&mut self, slot: SlotId) {
        let is_followed = |flow: &FlowEntry<D::Flow>| passes(flow) && flow.followed().is_some();
        if !self.table.get(slot).is_some_and(is_followed) {
            self.forget_receiver(slot);
        }
    }
}

/// What a flow is by a request to `host`, which was `before`.
fn request<D: Detector>(detector: &D, before: &Decided, host: Option<&str>) -> Decided {
    let Some(host) = host else { return before.clone() };
    Decided {
        classification: detector.by_host(&before.classification, host),
        details: before.details.with_hostname(host),
        verdict: None,
        given_up: false,
        by: DecidedBy::Request,
    }
}

fn passes<F>(flow: &FlowEntry<F>) -> bool {
    let verdict = flow.decided().and_then(|decided| decided.verdict);
    verdict.is_some_and(|verdict| !verdict.action.drops())
}

/// Whether a verdict takes more from its flow than the one before. A connection is one flow, whatever it asks
/// for: what one request lost the next one does not bring back.
fn is_stricter(verdict: Option<Verdict>, before: Option<Verdict>) -> bool {
    let rank = |verdict: Option<Verdict>| match verdict.map(|verdict| verdict.action) {
        None | Some(Action::None) => 0,
        Some(Action::Bypass) => 1,
        Some(Action::Count | Action::Inspect) => 2,
        Some(Action::Limit) => 3,
        Some(Action::Reject | Action::Drop) => 4,
    };
    rank(verdict) > rank(before)
}
