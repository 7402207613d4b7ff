//! Events of one worker's flows.

use std::sync::Arc;

use ndpi_events::{Event, Kind, Source, Time, Warning};
use ndpi_flow::{End, FlowEntry, Reported, Verdict};

use crate::clock::now_ns;
use crate::enforce::Refusal;
use crate::interfaces::Roster;
use crate::record::{Counters, Names, Origin, RecordMaker, SessionFacts};

/// Makes events of flows, where somebody subscribes to them, and publishes them.
#[derive(Debug)]
pub(super) struct Reporter {
    source: Source,
    names: Arc<Names>,
    interfaces: Roster,
    session: SessionFacts,
}

impl Reporter {
    pub(super) fn new(
        source: Source,
        names: Arc<Names>,
        interfaces: Roster,
        session: SessionFacts,
    ) -> Self {
        Self { source, names, interfaces, session }
    }

    /// From now on, records are by this policy of the instance.
    pub(super) fn set_revision(&mut self, revision: u32) {
        self.session.revision = revision;
    }

    /// Whether anybody wants to know of flows that go on.
    pub(super) fn wants_active(&self) -> bool {
        self.source.wants(Kind::FlowActive)
    }

    /// Reports that a flow goes on at `now_ns` (since the Unix epoch), of which `report` has the counts.
    pub(super) fn active<F>(
        &mut self,
        flow: &FlowEntry<F>,
        rule: Option<&str>,
        report: Reported,
        now_ns: u64,
    ) {
        self.publish(Kind::FlowActive, flow, rule, now_ns, |maker| {
            maker.active(flow, report, now_ns).map(Event::FlowActive)
        });
    }

    /// Reports that the verdict of a flow stands since `now_ns`, by the packet of `packet_ns`
    /// (both nanoseconds since the Unix epoch).
    pub(super) fn decided<F>(
        &mut self,
        flow: &FlowEntry<F>,
        rule: Option<&str>,
        (packet_ns, now_ns): (u64, u64),
    ) {
        self.publish(Kind::Decided, flow, rule, now_ns, |maker| {
            maker.decided(flow, (packet_ns, now_ns)).map(Event::Decided)
        });
    }

    /// Reports that a flow of an earlier instance was taken over, whose verdict has stood since.
    pub(super) fn adopted<F>(&mut self, flow: &FlowEntry<F>, rule: Option<&str>) {
        let now_ns = now_ns();
        self.publish(Kind::Decided, flow, rule, now_ns, |maker| {
            maker.decided(flow, (now_ns, now_ns)).map(Event::Decided)
        });
    }

    /// Reports that `rule` says something else of a flow than the verdict `before`.
    pub(super) fn rejudged<F>(
        &mut self,
        flow: &FlowEntry<F>,
        rule: Option<&str>,
        before: Option<Verdict>,
    ) {
        let now_ns = now_ns();
        self.publish(Kind::FlowUpdated, flow, rule, now_ns, |maker| {
            maker.rejudged(flow, before, now_ns).map(Event::FlowUpdated)
        });
    }

    /// Reports that a flow is over.
    pub(super) fn ended<F>(
        &mut self,
        flow: &FlowEntry<F>,
        rule: Option<&str>,
        end: End,
        counters: Counters,
    ) {
        self.publish(Kind::FlowEnded, flow, rule, now_ns(), |maker| {
            maker.ended(flow, end, counters).map(Event::FlowEnded)
        });
    }

    /// Reports that the maps have refused something.
    pub(super) fn refused(&mut self, Refusal { times: count, text }: Refusal) {
        let time = Time::from_ns(now_ns());
        let warning = Warning::new(time, "map-refused".into(), count, text);
        self.source.publish(time, Event::Warning(warning));
    }

    fn publish<F>(
        &mut self,
        kind: Kind,
        flow: &FlowEntry<F>,
        rule: Option<&str>,
        now_ns: u64,
        make: impl FnOnce(RecordMaker<'_>) -> Option<Event>,
    ) {
        if !self.source.wants(kind) {
            return;
        }
        let interface = interface_of(&self.interfaces, flow.ifindex);
        let (names, origin) = (&*self.names, Origin::Interface(&interface));
        let maker = RecordMaker { names, origin, rule, session: Some(&self.session) };
        if let Some(event) = make(maker) {
            self.source.publish(Time::from_ns(now_ns), event);
        }
    }
}

/// The name of an interface, also of one that is gone.
pub(super) fn interface_of(interfaces: &Roster, ifindex: u32) -> Arc<str> {
    interfaces.name(ifindex).unwrap_or_else(|| "?".into())
}
