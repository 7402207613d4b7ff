//! Decisions on a live interface become verdicts in the kernel's maps, and records.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ndpi::Classification;
use ndpi_events::{Bus, Event, Kind, Losses, Source, Time};
use ndpi_flow::{
    Action, Announcement, Cause, Claim, Client, Details, End, FlowEntry, FlowKey, Judge, Moment,
    Sample, Servers, Sink, Verdict, judge, lesson, tcp,
};
use ndpi_kernel::ktime_ns;

use super::crowding::{Crowded, Crowding};
use super::halves::Halves;
use super::summary::Summary;
use super::timing::Stopwatch;
use crate::enforce::{
    ActivePolicy, Activity, DesiredVerdict, KernelCounts, Pending, RetryQueue, VerdictStore,
    Volume, count_all, count_undecided,
};
use crate::interfaces::Roster;
use crate::record::{Counters, Names, Origin, RecordMaker};
use crate::reject::Rejecter;

/// What all workers share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// nDPI's names.
    pub names: Arc<Names>,
    /// The interfaces that are watched.
    pub interfaces: Roster,
    /// Where what is reported goes.
    pub bus: Bus,
    /// What those who write records have lost.
    pub lost_records: Losses,
    /// Who tells the ends of rejected flows; `None` where there is nobody to tell them.
    pub rejecter: Option<Arc<Rejecter>>,
    /// What is remembered of servers.
    pub servers: Arc<Servers>,
    /// What has no room.
    pub crowding: Arc<Crowding>,
    /// Interfaces that see one direction of flows only.
    pub halves: Arc<Halves>,
}

/// The sink of one worker.
#[derive(Debug)]
pub struct LiveSink<S> {
    store: S,
    policy: Arc<ActivePolicy>,
    /// The policy in force before.
    earlier: Arc<ActivePolicy>,
    shared: Shared,
    source: Source,
    summary: Summary,
    retries: RetryQueue,
    /// Verdicts of living flows that a change of policy changed.
    changed: u64,
    /// Notes that were lost so far.
    lost_notes: u64,
    stopwatch: Stopwatch,
}

impl<S: VerdictStore> LiveSink<S> {
    /// A sink that writes verdicts of `policy` to `store`, and reports as `source`.
    pub fn new(store: S, policy: Arc<ActivePolicy>, shared: Shared, source: Source) -> Self {
        let earlier = Arc::clone(&policy);
        let summary = Summary::default();
        Self {
            store,
            policy,
            earlier,
            shared,
            source,
            summary,
            retries: RetryQueue::default(),
            changed: 0,
            lost_notes: 0,
            stopwatch: Stopwatch::default(),
        }
    }

    /// Measures what this worker's decisions take.
    pub(super) fn stopwatch(&mut self) -> &mut Stopwatch {
        &mut self.stopwatch
    }

    /// From now on, `policy` judges. All flows are to be judged again at once
    /// ([`ndpi_flow::Classifier::judge_again`]), or verdicts of the one before stay.
    pub fn set_policy(&mut self, policy: Arc<ActivePolicy>) {
        self.earlier = std::mem::replace(&mut self.policy, policy);
    }

    /// How many verdicts of living flows have changed with the policy so far.
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// Whether a flow has a verdict that no packet has met since the tick `last_seen`.
    pub(super) fn is_silent_since(&mut self, key: &FlowKey, last_seen: u32) -> bool {
        self.activity(key).is_some_and(|activity| activity.last_seen == last_seen)
    }

    fn activity(&mut self, key: &FlowKey) -> Option<Activity> {
        self.store.activity(key).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            None
        })
    }

    /// Takes a flow out of the maps of which nothing else is known.
    pub fn forget(&mut self, key: &FlowKey) {
        if let Some(rejecter) = &self.shared.rejecter {
            rejecter.forget(key);
        }
        if let Err(error) = self.store.take(key) {
            self.retries.refuse(&error);
        }
    }

    /// The wall clock, nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Says so where notes were lost, of which there are `lost` now.
    pub fn lost_notes(&mut self, lost: u64) {
        let more = lost - std::mem::replace(&mut self.lost_notes, lost);
        if more > 0 {
            self.shared.crowding.displaced(Crowded::Notes, more, None, self.now_ns());
        }
    }

    /// Counts samples that were taken.
    pub fn count_samples(&mut self, taken: u64) {
        self.summary.add_samples(taken);
    }

    /// What was seen, by application and action.
    pub fn into_summary(mut self) -> Summary {
        self.summary.add_times(&self.stopwatch.into_times());
        self.summary
    }

    fn interface<F>(&self, flow: &FlowEntry<F>) -> Arc<str> {
        self.shared.interfaces.name(flow.ifindex).unwrap_or_else(|| "?".into())
    }

    /// The name of the rule that decided the flow.
    fn rule<F>(&self, flow: &FlowEntry<F>) -> Option<&str> {
        flow.rule(self.policy.policy())
    }

    /// Remembers the server of a flow that a rule in a hurry decided, for its next flows.
    fn remember<F>(&self, flow: &FlowEntry<F>) {
        if let Some((server, known)) = lesson(flow, self.policy.policy()) {
            self.shared.servers.remember(server, known, self.now_ns());
        }
    }

    /// Tells both ends of a rejected flow, within the rejecter's bounds.
    fn answer(&self, sample: &Sample) {
        if let Some(rejecter) = &self.shared.rejecter {
            rejecter.reject(sample, self.now_ns());
        }
    }

    /// Reports that the verdict of a flow stands since `now_ns`, by the packet of `packet_ns`
    /// (both nanoseconds since the Unix epoch).
    fn report_decided<F>(&mut self, flow: &FlowEntry<F>, (packet_ns, now_ns): (u64, u64)) {
        if !self.source.wants(Kind::Decided) {
            return;
        }
        let interface = self.interface(flow);
        if let Some(decided) = self.maker(flow, &interface).decided(flow, (packet_ns, now_ns)) {
            self.source.publish(Time::from_ns(now_ns), Event::Decided(decided));
        }
    }

    /// Reports that another policy says something else of a flow than `before`.
    fn report_rejudged<F>(&mut self, flow: &FlowEntry<F>, before: Option<Verdict>) {
        if !self.source.wants(Kind::FlowUpdated) {
            return;
        }
        let (interface, now_ns) = (self.interface(flow), self.now_ns());
        if let Some(updated) = self.maker(flow, &interface).rejudged(flow, before, now_ns) {
            self.source.publish(Time::from_ns(now_ns), Event::FlowUpdated(updated));
        }
    }

    /// Reports that a flow is over.
    fn report_ended<F>(&mut self, flow: &FlowEntry<F>, end: End, counters: Counters) {
        if !self.source.wants(Kind::FlowEnded) {
            return;
        }
        let interface = self.interface(flow);
        if let Some(ended) = self.maker(flow, &interface).ended(flow, end, counters) {
            self.source.publish(Time::from_ns(self.now_ns()), Event::FlowEnded(ended));
        }
    }

    fn maker<'a, F>(&'a self, flow: &FlowEntry<F>, interface: &'a Arc<str>) -> RecordMaker<'a> {
        let (names, origin) = (&self.shared.names, Origin::Interface(interface));
        RecordMaker { names, origin, rule: self.rule(flow) }
    }
}

impl<S: VerdictStore, F> Judge<F> for LiveSink<S> {
    fn judge(
        &mut self,
        flow: &FlowEntry<F>,
        classification: &Classification,
        details: &Details,
        moment: Moment,
    ) -> Option<Verdict> {
        let began = ktime_ns();
        let interface = self.interface(flow);
        let facts = flow.facts(classification, details, Some(&interface), self.now_ns());
        let verdict = judge(self.policy.policy(), &facts, moment);
        self.stopwatch.judged(began);
        verdict
    }

    fn judges_partial(&self) -> bool {
        self.policy.policy().acts_on_partial()
    }

    fn judges_first_packet(&self) -> bool {
        self.policy.policy().acts_on_first_packet()
    }

    fn claim(
        &mut self,
        flow: &FlowEntry<F>,
        said: Option<Classification>,
        now_ns: u64,
    ) -> Option<Claim> {
        self.shared.servers.claim(&flow.key.server(flow.client), said, now_ns)
    }

    fn learn(&mut self, announcement: &Announcement, now_ns: u64) {
        self.shared.servers.learn(&announcement.name, &announcement.addresses, now_ns);
    }
}

impl<S: VerdictStore, F> Sink<F> for LiveSink<S> {
    fn rules(&mut self) -> &mut impl Judge<F> {
        self
    }

    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        let decided = ktime_ns();
        if !self.write(flow) {
            return;
        }
        // Before anything else is done: this is the time by which the verdict stood.
        let times = (sample.time_ns, self.now_ns());
        let total_ns = times.1.saturating_sub(times.0);
        self.stopwatch.stands((decided, ktime_ns()), total_ns, sample.empty);
        self.remember(flow);
        if is_rejected(flow) {
            self.answer(sample);
        }
        self.report_decided(flow, times);
    }

    fn known(&mut self, flow: &mut FlowEntry<F>, sample: &Sample) {
        if self.retries.get(&flow.key) == Some(Pending::Verdict) {
            flow.count(sample);
            return self.decided(flow, sample);
        }
        // Shown before its verdict stood, or because the verdict was taken away by somebody else.
        let Some(desired) = DesiredVerdict::of(flow, &self.policy) else { return };
        match self.store.write(&desired) {
            Ok(meanwhile) => {
                flow.packets += meanwhile.packets;
                flow.bytes += meanwhile.bytes;
            }
            Err(error) => return self.retries.refuse(&error),
        }
        // Its receiver is further than the packet that the verdict was made of: a reset with the
        // number that was right then has missed, and no more packets need come. A SYN is on its way to
        // begin another connection, which has no verdict yet if its other side agrees; one that was
        // dropped for its server's sake comes to nothing, and who sent it waits for an answer.
        if is_rejected(flow) && (sample.blocked || !tcp::opens(sample.tcp_flags)) {
            self.answer(sample);
        }
    }

    fn stands(&self, flow: &FlowEntry<F>) -> bool {
        self.retries.get(&flow.key) != Some(Pending::Verdict)
    }

    fn is_over(&mut self, sample: &Sample) -> bool {
        self.store.is_over(&sample.key, sample.time_ns).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            // It is said again with the next packet.
            false
        })
    }

    fn rejected(&mut self, _flow: &FlowEntry<F>, sample: &Sample) {
        self.answer(sample);
    }

    fn judged_again(&mut self, flow: &mut FlowEntry<F>, before: Option<Verdict>) {
        let Some(desired) = DesiredVerdict::of(flow, &self.policy) else { return };
        let allowed = before.and_then(|before| self.earlier.allowance(before.rule));
        if (before, allowed) == (Some(desired.verdict), desired.allowance) {
            return;
        }
        self.changed += 1;
        self.report_rejudged(flow, before);
        // What passed before the first verdict leaked only if that one blocked.
        let (packets, bytes) = std::mem::take(&mut flow.looks.passed);
        if before.is_some_and(|before| !before.action.drops()) {
            flow.allow(packets, bytes);
        }
        if !std::mem::replace(&mut flow.rejudged, true)
            && before.is_some_and(|before| !before.action.drops())
        {
            flow.allow(flow.packets, flow.bytes);
        }
        // One that does not stand yet will be written as it is then.
        if Sink::<F>::stands(self, flow) {
            self.replace(flow);
        }
    }

    fn is_answered(&mut self, flow: &FlowEntry<F>) -> bool {
        let activity = flow.decided().and_then(|_| self.activity(&flow.key));
        activity.is_some_and(|activity| flow.has_answer(activity.answers))
    }

    fn suspend(&mut self, flow: &mut FlowEntry<F>) -> bool {
        self.take_away(flow)
    }

    fn unchanged(&mut self, flow: &mut FlowEntry<F>) {
        self.write(flow);
    }

    fn displaced(&mut self, flow: &FlowEntry<F>, cause: Cause) {
        let client = match cause {
            Cause::Share(_) => Some(Client::of(&flow.key, flow.client)),
            Cause::Full(_) => None,
        };
        self.shared.crowding.displaced(cause.into(), 1, client, self.now_ns());
    }

    fn finished(&mut self, mut flow: FlowEntry<F>, end: End) {
        let mut taken = self.store.take_ended(&flow.key, end).unwrap_or_else(|error| {
            self.retries.refuse(&error);
            KernelCounts::default()
        });
        if self.retries.remove(&flow.key) == Some(Pending::Verdict) {
            count_undecided(&mut flow, std::mem::take(&mut taken.undecided));
        }
        if let Some(rejecter) = &self.shared.rejecter {
            rejecter.forget(&flow.key);
        }
        let counters = count_all(&mut flow, &taken);
        self.summary.add(&flow, counters);
        self.shared.halves.count(&flow);
        if flow.decided().and_then(|decided| decided.verdict).is_some_and(|it| it.action.drops()) {
            let passed = Volume {
                packets: counters.packets.saturating_sub(taken.dropped.packets),
                bytes: counters.bytes.saturating_sub(taken.dropped.bytes),
            };
            self.summary.add_blocked(Volume {
                packets: passed.packets.saturating_sub(flow.allowed.0),
                bytes: passed.bytes.saturating_sub(flow.allowed.1),
            });
        }
        self.report_ended(&flow, end, counters);
    }
}

fn is_rejected<F>(flow: &FlowEntry<F>) -> bool {
    let verdict = flow.decided().and_then(|decided| decided.verdict);
    verdict.is_some_and(|verdict| verdict.action == Action::Reject)
}

#[cfg(test)]
mod tests;
mod write;
