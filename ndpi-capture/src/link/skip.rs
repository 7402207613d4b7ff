//! Packets that belong to no flow, counted by reason.

use std::collections::BTreeMap;
use std::fmt;

use ndpi_common::Reason;
use ndpi_common::parse::Refusal;
use serde::{Deserialize, Serialize};

use super::inner::Inner;
use crate::packet::LinkType;

/// Why a packet belongs to no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// We cannot read its link layer.
    LinkType(LinkType),
    /// A fragment but the first of a datagram: it has no ports.
    LaterFragment,
    /// The parser refused it.
    Refused(Refusal),
    /// It carries a protocol that is not read.
    Inner(Inner),
    /// An 802.11 frame that is encrypted.
    Protected,
    /// An 802.11 frame that was received with errors.
    BadChecksum,
    /// It is too short for an Ethernet header: no driver hands such a frame on.
    ShortFrame,
    /// It is longer than any frame.
    LongFrame,
}

impl Skip {
    pub(super) const NOT_IP: Self = Self::Refused(Refusal::NotIp);
    pub(super) const LINK_HEADER: Self = Self::Refused(Refusal::TruncatedLink);

    /// What it is that may have carried a flow, for people; `None` for ARP, STP and others that carry
    /// none.
    fn loss(self) -> Option<String> {
        match self {
            Self::Refused(Refusal::NotIp | Refusal::Llc) | Self::LinkType(_) => None,
            Self::Inner(inner) => Some(inner.to_string()),
            other => Some(other.to_string()),
        }
    }
}

/// The reason's name in records: the kernel's ([`Reason::name`]) where it has one.
impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkType(LinkType(number)) => return write!(f, "link_type_{number}"),
            Self::LaterFragment => Reason::LaterFragment.name(),
            Self::Refused(refusal) => refusal.reason().name(),
            Self::Inner(inner) => inner.reason().name(),
            Self::Protected => "wifi_encrypted",
            Self::BadChecksum => "wifi_bad_checksum",
            Self::ShortFrame => "short_frame",
            Self::LongFrame => "long_frame",
        })
    }
}

/// How many packets were skipped, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skips {
    reasons: BTreeMap<String, u64>,
    /// Of link types that cannot be read.
    link_types: BTreeMap<LinkType, u64>,
    /// Of encrypted 802.11 frames.
    protected: u64,
    /// Of others that may have carried a flow, by what they are.
    losses: BTreeMap<String, u64>,
}

impl Skips {
    /// Counts one packet.
    #[cold]
    pub fn count(&mut self, skip: Skip) {
        *self.reasons.entry(skip.to_string()).or_default() += 1;
        if let Some(loss) = skip.loss() {
            self.lose(loss);
        }
        match skip {
            Skip::LinkType(link_type) => *self.link_types.entry(link_type).or_default() += 1,
            Skip::Protected => self.protected += 1,
            _ => {}
        }
    }

    /// Counts one packet that may have carried a flow among the losses alone.
    #[cold]
    pub fn lose(&mut self, loss: impl Into<String>) {
        *self.losses.entry(loss.into()).or_default() += 1;
    }

    /// Packets that may have carried flows, by what they are; but for those of link types that cannot be
    /// read.
    pub fn losses(&self) -> impl Iterator<Item = (&str, u64)> {
        self.losses.iter().map(|(loss, &packets)| (loss.as_str(), packets))
    }

    /// Adds the losses of another to these.
    pub fn add_losses(&mut self, other: &Self) {
        for (loss, packets) in &other.losses {
            *self.losses.entry(loss.clone()).or_default() += packets;
        }
    }

    /// Packets skipped for any reason.
    pub fn total(&self) -> u64 {
        self.reasons.values().sum()
    }

    /// Packets by reason, in the order of the reasons' names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.reasons.iter().map(|(reason, &packets)| (reason.as_str(), packets))
    }

    /// Packets of link types that cannot be read, by link type.
    pub fn link_types(&self) -> impl Iterator<Item = (LinkType, u64)> {
        self.link_types.iter().map(|(link_type, packets)| (*link_type, *packets))
    }

    /// Encrypted 802.11 frames.
    pub fn protected(&self) -> u64 {
        self.protected
    }

    /// Adds another's counts to these.
    pub fn add(&mut self, other: &Self) {
        for (reason, packets) in &other.reasons {
            *self.reasons.entry(reason.clone()).or_default() += packets;
        }
        for (link_type, packets) in &other.link_types {
            *self.link_types.entry(*link_type).or_default() += packets;
        }
        self.protected += other.protected;
        self.add_losses(other);
    }
}
