//! Records of a flow: decided, changed, over.

use std::sync::Arc;

use ndpi_common::Direction;
use ndpi_events::{Crossed, Decided, Ends, FlowActive, FlowEnded, FlowUpdated, Label, Mac, Time};
use ndpi_flow::{Action, End, FlowEntry, FlowKey, Reported, Text, Traffic, Verdict, Volume};

use super::content::content;
use super::names::Names;
use super::tunnel::tunnel_of;

/// How much crossed, over the whole life of the flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What the client sent.
    pub to_server: Volume,
    /// What the server sent.
    pub to_client: Volume,
    /// Packets that were dropped by the verdict.
    pub dropped: u64,
}

impl Counters {
    /// Of a flow whose client's packets go the way of `client`.
    pub fn new(traffic: Traffic, client: Direction, dropped: u64) -> Self {
        let (to_server, to_client) = (traffic.sent(client), traffic.sent(client.opposite()));
        Self { to_server, to_client, dropped }
    }

    /// Both directions.
    pub fn total(&self) -> Volume {
        self.to_server + self.to_client
    }
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
    /// What else all records of a running instance say.
    pub session: Option<&'a SessionFacts>,
}

/// What all records of a running instance say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// What it is called.
    pub instance: Arc<str>,
    /// Which of its policies is in force.
    pub revision: u32,
    /// It drops nothing.
    pub dry_run: bool,
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

    /// That `flow` goes on at `now_ns` (since the Unix epoch), of which `report` has the counts.
    pub fn active<F>(
        &self,
        flow: &FlowEntry<F>,
        report: Reported,
        now_ns: u64,
    ) -> Option<FlowActive> {
        let counters = Counters::new(report.traffic, flow.client, report.dropped);
        let Volume { packets, bytes } = counters.total();
        Some(FlowActive {
            time: Time::from_ns(now_ns),
            ends: self.ends(flow),
            packets,
            bytes,
            packets_to_server: counters.to_server.packets,
            bytes_to_server: counters.to_server.bytes,
            packets_to_client: counters.to_client.packets,
            bytes_to_client: counters.to_client.bytes,
            inspected: flow.inspected,
            label: self.label(flow)?,
            dropped: counts_drops(flow).then_some(report.dropped),
            first_seen: Time::from_ns(flow.first_seen_ns),
            last_seen: Time::from_ns(flow.last_seen_ns),
            duration_us: duration_us(flow),
            part: report.parts,
            delta: since(flow, &counters),
        })
    }

    /// That `flow` is over.
    pub fn ended<F>(&self, flow: &FlowEntry<F>, end: End, counters: Counters) -> Option<FlowEnded> {
        let label = self.label(flow)?;
        let action = flow.decided()?.verdict.map(|verdict| verdict.action);
        let blocked = action.is_some_and(Action::drops);
        let Counters { to_server, to_client, dropped } = counters;
        let Volume { packets, bytes } = counters.total();
        let leaked = || packets.saturating_sub(dropped).saturating_sub(flow.allowed.0);
        Some(FlowEnded {
            ends: self.ends(flow),
            packets,
            bytes,
            inspected: flow.inspected,
            label,
            leaked: blocked.then(leaked),
            dropped: counts_drops(flow).then_some(dropped),
            first_seen: Time::from_ns(flow.first_seen_ns),
            last_seen: Time::from_ns(flow.last_seen_ns),
            end: end.name().into(),
            packets_to_server: to_server.packets,
            bytes_to_server: to_server.bytes,
            packets_to_client: to_client.packets,
            bytes_to_client: to_client.bytes,
            part: flow.reported.as_ref().map(|reported| reported.parts + 1),
            delta: flow.reported.as_ref().map(|_| since(flow, &counters)),
            duration_us: duration_us(flow),
        })
    }

    fn ends<F>(&self, flow: &FlowEntry<F>) -> Ends {
        let ends = ends_of(&flow.key, flow.client);
        let instance = self.session.map(|session| Arc::clone(&session.instance));
        // The programs are shown frames that the replay of a capture has made, unless it is one of Ethernet.
        let devices = flow.devices.filter(|_| matches!(self.origin, Origin::Interface(_)));
        let device = |direction| devices.map(|devices| Mac(devices.sender(direction)));
        let (src_mac, dst_mac) = (device(flow.client), device(flow.client.opposite()));
        let ends = Ends { instance, src_mac, dst_mac, ..ends };
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
        let texts = decided.details.all();
        let text = |which: Text| Some(texts[which as usize]).filter(|text| !text.is_empty());
        Some(Label {
            state: classification.state.name().into(),
            app: self.names.shared_app(classification.app),
            app_id: classification.app.app,
            master_id: classification.app.master,
            category: self.names.shared_category(classification.category),
            confidence: classification.confidence.name().into(),
            hostname: text(Text::Hostname).or(absent).map(Into::into),
            ja4: text(Text::Ja4).or(absent).map(Into::into),
            risks: self.names.shared_risks(classification.risks).collect(),
            action: decided.verdict.map(|verdict| verdict.action.name().into()),
            rule: self.rule.map(Into::into),
            decided_by: decided.by.name().map(Into::into),
            incomplete: flow.is_incomplete(),
            findings: flow.findings.iter().map(|finding| finding.name().into()).collect(),
            breed: Some(self.names.shared_breed(classification.breed)),
            guessed: classification.guessed,
            risk_score: self.names.risk_score(classification.risks),
            alpn: text(Text::Alpn).map(Into::into),
            content: content(&texts, classification.app),
            revision: self.session.map(|session| session.revision),
            dry_run: self.session.is_some_and(|session| session.dry_run),
            adopted: flow.adopted.is_some(),
        })
    }
}

/// Whether packets of it may have been dropped.
fn counts_drops<F>(flow: &FlowEntry<F>) -> bool {
    let action = flow.decided().and_then(|decided| decided.verdict).map(|verdict| verdict.action);
    action.is_some_and(|action| action.drops() || action == Action::Limit)
}

fn duration_us<F>(flow: &FlowEntry<F>) -> u64 {
    flow.last_seen_ns.saturating_sub(flow.first_seen_ns) / 1000
}

/// What `counters` have beyond the last report on the flow, or since its beginning.
fn since<F>(flow: &FlowEntry<F>, counters: &Counters) -> Crossed {
    let before = flow.reported.as_deref().copied().unwrap_or_default();
    let before = Counters::new(before.traffic, flow.client, before.dropped);
    let to_server = counters.to_server.beyond(before.to_server);
    let to_client = counters.to_client.beyond(before.to_client);
    Crossed {
        packets_to_server: to_server.packets,
        bytes_to_server: to_server.bytes,
        packets_to_client: to_client.packets,
        bytes_to_client: to_client.bytes,
        dropped: counters.dropped.saturating_sub(before.dropped),
    }
}

/// The ends of a packet that goes `direction`, or of a flow whose client's packets do.
pub fn ends_of(key: &FlowKey, direction: Direction) -> Ends {
    let ((src, sport), (dst, dport)) = key.endpoints(direction);
    let (vlan, proto, tunnels) = (key.vlan(), key.proto(), key.tunnel());
    let tunnel = tunnel_of(key).map(Box::new);
    Ends {
        capture: None,
        iface: None,
        instance: None,
        vlan,
        proto,
        src,
        sport,
        dst,
        dport,
        tunnels,
        tunnel,
        src_mac: None,
        dst_mac: None,
    }
}
