//! Records of a flow: decided, changed, over.

use std::sync::Arc;

use ndpi_common::Direction;
use ndpi_events::{Decided, Ends, FlowEnded, FlowUpdated, Label, Time};
use ndpi_flow::{Action, End, FlowEntry, FlowKey, Verdict};

use super::names::Names;

/// How much crossed, over the whole life of the flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets in both directions.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
    /// Packets that were dropped by the verdict.
    pub dropped: u64,
}

/// Where a flow was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// In a capture, by the file's name. Its records have `hostname` and `ja4` even where they are
    /// empty, so that two outputs compare field by field.
    Capture(&'a Arc<str>),
    /// On an interface.
    Interface(&'a Arc<str>),
}

/// Makes what is written down of one flow. Of a flow that is still undecided there is nothing.
#[derive(Clone, Copy, Debug)]
pub struct RecordMaker<'a> {
    /// nDPI's names.
    pub names: &'a Names,
    /// Where the flow was seen.
    pub origin: Origin<'a>,
    /// The name of the rule that decided it, or of the setting that did.
    pub rule: Option<&'a str>,
}

impl RecordMaker<'_> {
    /// That `flow` was decided by the packet of `packet_ns` and is enforced since `stands_ns` (both
    /// nanoseconds since the Unix epoch).
    pub fn decided<F>(
        &self,
        flow: &FlowEntry<F>,
        (packet_ns, stands_ns): (u64, u64),
    ) -> Option<Decided> {
        Some(Decided {
            time: Time::from_ns(stands_ns),
            ends: self.ends(flow),
            inspected: flow.inspected,
            partial_at: (flow.partial_at > 0).then_some(flow.partial_at),
            label: self.label(flow)?,
            latency_us: stands_ns.saturating_sub(packet_ns) / 1000,
        })
    }

    /// That another policy says at `now_ns` (since the Unix epoch) something else of `flow` than the verdict
    /// `before`.
    pub fn rejudged<F>(
        &self,
        flow: &FlowEntry<F>,
        before: Option<Verdict>,
        now_ns: u64,
    ) -> Option<FlowUpdated> {
        Some(FlowUpdated {
            time: Time::from_ns(now_ns),
            ends: self.ends(flow),
            inspected: flow.inspected,
            label: self.label(flow)?,
            why: "rejudged".into(),
            previous_action: before.map(|before| before.action.name().into()),
        })
    }

    /// That `flow` is over. Its `tunnel` is known to the source of the packets alone.
    pub fn ended<F>(&self, flow: &FlowEntry<F>, end: End, counters: Counters) -> Option<FlowEnded> {
        let label = self.label(flow)?;
        let action = flow.decided()?.verdict.map(|verdict| verdict.action);
        let blocked = action.is_some_and(Action::drops);
        let limited = action == Some(Action::Limit);
        let Counters { packets, bytes, dropped } = counters;
        let leaked = || packets.saturating_sub(dropped).saturating_sub(flow.allowed.0);
        Some(FlowEnded {
            ends: self.ends(flow),
            packets,
            bytes,
            inspected: flow.inspected,
            label,
            leaked: blocked.then(leaked),
            dropped: (blocked || limited).then_some(dropped),
            tunnel: None,
            first_seen: Time::from_ns(flow.first_seen_ns),
            last_seen: Time::from_ns(flow.last_seen_ns),
            end: end.name().into(),
            duration_us: flow.last_seen_ns.saturating_sub(flow.first_seen_ns) / 1000,
        })
    }

    fn ends<F>(&self, flow: &FlowEntry<F>) -> Ends {
        let ends = ends_of(&flow.key, flow.client);
        match self.origin {
            Origin::Capture(name) => Ends { capture: Some(Arc::clone(name)), ..ends },
            Origin::Interface(name) => Ends { iface: Some(Arc::clone(name)), ..ends },
        }
    }

    fn label<F>(&self, flow: &FlowEntry<F>) -> Option<Label> {
        let decided = flow.decided()?;
        let classification = &decided.classification;
        let absent = match self.origin {
            Origin::Capture(_) => Some(""),
            Origin::Interface(_) => None,
        };
        Some(Label {
            state: classification.state.name().into(),
            app: self.names.shared_app(classification.app),
            app_id: classification.app.app,
            master_id: classification.app.master,
            category: self.names.shared_category(classification.category),
            confidence: classification.confidence.name().into(),
            hostname: decided.details.hostname().or(absent).map(Into::into),
            ja4: decided.details.ja4().or(absent).map(Into::into),
            risks: self.names.shared_risks(classification.risks).collect(),
            action: decided.verdict.map(|verdict| verdict.action.name().into()),
            rule: self.rule.map(Into::into),
            decided_by: decided.by.name().map(Into::into),
            incomplete: flow.is_incomplete(),
            findings: flow.findings.iter().map(|finding| finding.name().into()).collect(),
            breed: Some(self.names.shared_breed(classification.breed)),
            guessed: classification.guessed,
            risk_score: self.names.risk_score(classification.risks),
            alpn: decided.details.alpn().map(Into::into),
        })
    }
}

/// The ends of a packet that goes `direction`, or of a flow whose client's packets do.
pub fn ends_of(key: &FlowKey, direction: Direction) -> Ends {
    let ((src, sport), (dst, dport)) = key.endpoints(direction);
    let (vlan, proto) = (key.vlan(), key.proto());
    Ends { capture: None, iface: None, vlan, proto, src, sport, dst, dport }
}
