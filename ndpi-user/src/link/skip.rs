//! Packets that belong to no flow, counted by reason.

use std::collections::BTreeMap;
use std::fmt;

use ndpi_common::parse::Refusal;

use crate::capture::LinkType;

/// Why a packet belongs to no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// We cannot read its link layer.
    LinkType(LinkType),
    /// A fragment but the first of a datagram: it has no ports.
    LaterFragment,
    /// The parser refused it.
    Refused(Refusal),
    /// It is too short for an Ethernet header: no driver hands such a frame on.
    ShortFrame,
    /// It is longer than any frame.
    LongFrame,
}

impl Skip {
    pub(super) const NOT_IP: Self = Self::Refused(Refusal::NotIp);
    pub(super) const LINK_HEADER: Self = Self::Refused(Refusal::TruncatedLink);
}

/// The reason's word in records: `not-ip`, `link-type-105`, …
impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(LinkType(number)) => write!(f, "link-type-{number}"),
            Self::LaterFragment => f.write_str("later-fragment"),
            Self::Refused(refusal) => f.write_str(refused(*refusal)),
            Self::ShortFrame => f.write_str("short-frame"),
            Self::LongFrame => f.write_str("long-frame"),
        }
    }
}

fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotIp => "not-ip",
        Refusal::Llc => "llc",
        Refusal::TooManyTags => "too-many-tags",
        Refusal::TruncatedLink => "truncated-link-header",
        Refusal::TruncatedIp => "truncated-ip-header",
        Refusal::BadVersion => "bad-ip-version",
        Refusal::BadHeaderLength => "bad-ip-header-length",
        Refusal::LengthTooShort => "ip-length-too-short",
        Refusal::LengthTooLong => "ip-length-too-long",
        Refusal::LengthZero => "ip-length-zero",
        Refusal::TooManyExtensions => "too-many-extensions",
        Refusal::TruncatedExtension => "truncated-extension",
    }
}

/// How many packets were skipped, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skips(BTreeMap<String, u64>);

impl Skips {
    /// Counts one packet.
    #[cold]
    pub fn count(&mut self, skip: Skip) {
        *self.0.entry(skip.to_string()).or_default() += 1;
    }

    /// Packets skipped for any reason.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Packets by reason, in the order of the reasons' names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(reason, &packets)| (reason.as_str(), packets))
    }

    /// Adds another's counts to these.
    pub fn add(&mut self, other: &Self) {
        for (reason, packets) in &other.0 {
            *self.0.entry(reason.clone()).or_default() += packets;
        }
    }
}
