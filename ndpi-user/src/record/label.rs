//! The parts that every record of a flow has: its ends, and what it was found to be.

use std::borrow::Cow;
use std::net::IpAddr;

use ndpi_common::Direction;
use ndpi_flow::{FlowEntry, FlowKey};
use serde::Serialize;

use super::Names;

/// Where a flow was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// In a capture, by the file's name. Its records have `hostname` and `ja4` even where they are
    /// empty, so that two outputs compare field by field.
    Capture(&'a str),
    /// On an interface.
    Interface(&'a str),
}

/// Where a flow was seen, and between whom.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Ends<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iface: Option<&'a str>,
    pub vlan: u16,
    pub proto: u8,
    pub src: IpAddr,
    pub sport: u16,
    pub dst: IpAddr,
    pub dport: u16,
}

impl<'a> Ends<'a> {
    /// The ends of `flow`.
    pub fn new<F>(flow: &FlowEntry<F>, origin: Origin<'a>) -> Self {
        let ends = Self::of(&flow.key, flow.client);
        match origin {
            Origin::Capture(name) => Self { capture: Some(name), ..ends },
            Origin::Interface(name) => Self { iface: Some(name), ..ends },
        }
    }

    /// The ends of a packet that goes `direction`, or of a flow whose client's packets do.
    pub fn of(key: &FlowKey, direction: Direction) -> Self {
        let ((src, sport), (dst, dport)) = key.endpoints(direction);
        let (vlan, proto) = (key.vlan(), key.proto());
        Self { capture: None, iface: None, vlan, proto, src, sport, dst, dport }
    }
}

/// What nDPI and the policy said of a flow.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are explained in docs/records.md")]
pub struct Label<'a> {
    pub state: &'static str,
    pub app: Cow<'a, str>,
    pub app_id: u16,
    pub master_id: u16,
    pub category: &'a str,
    pub confidence: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<&'a str>,
    pub risks: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<bool>,
}

impl<'a> Label<'a> {
    /// The label of a flow; `rule` is the name of the rule that matched. `None` while it is undecided.
    pub fn new<F>(
        flow: &'a FlowEntry<F>,
        origin: Origin,
        names: &'a Names,
        rule: Option<&'a str>,
    ) -> Option<Self> {
        let decided = flow.decided()?;
        let classification = &decided.classification;
        let absent = match origin {
            Origin::Capture(_) => Some(""),
            Origin::Interface(_) => None,
        };
        Some(Self {
            state: classification.state.name(),
            app: names.app(classification.app),
            app_id: classification.app.app,
            master_id: classification.app.master,
            category: names.category(classification.category),
            confidence: classification.confidence.name(),
            hostname: decided.details.hostname().or(absent),
            ja4: decided.details.ja4().or(absent),
            risks: names.risks(classification.risks).collect(),
            action: decided.verdict.map(|verdict| verdict.action.name()),
            rule,
            decided_by: decided.by.name(),
            incomplete: flow.is_incomplete().then_some(true),
        })
    }
}
