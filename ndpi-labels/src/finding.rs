//! Findings: signs in a flow's packets that its two ends may have read something else than we did.

use std::fmt;

/// One kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Finding {
    /// A segment that the receiver never accepted, beside one that it did (a decoy).
    FakeSegment,
    /// A segment whose sequence number is outside the window that its receiver announced (RFC 9293,
    /// section 3.10.7.4).
    OutOfWindow,
    /// A segment or datagram whose checksum is wrong (RFC 1071).
    BadChecksum,
    /// A packet with another time to live, or hop limit, than the packets of its side so far.
    TtlAnomaly,
    /// Two readings of the same bytes, and nothing that says which the receiver took.
    Ambiguous,
    /// A client hello whose pieces came out of order.
    ReorderedHello,
    /// A handshake message that spreads over several TLS records (RFC 8446, section 5.1).
    SplitRecords,
    /// Packets that say nothing, and only use up the packets for which a flow is inspected.
    BudgetPadding,
    /// Fragments of an IP datagram that overlap (RFC 5722).
    FragmentOverlap,
    /// An answer of a DNS server that its client did not ask for.
    DnsUnsolicited,
    /// A message that is longer than what is kept of a flow.
    Oversize,
}

impl Finding {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 11] = [
        Self::FakeSegment,
        Self::OutOfWindow,
        Self::BadChecksum,
        Self::TtlAnomaly,
        Self::Ambiguous,
        Self::ReorderedHello,
        Self::SplitRecords,
        Self::BudgetPadding,
        Self::FragmentOverlap,
        Self::DnsUnsolicited,
        Self::Oversize,
    ];

    /// The name in policies and records: `fake-segment`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FakeSegment => "fake-segment",
            Self::OutOfWindow => "out-of-window",
            Self::BadChecksum => "bad-checksum",
            Self::TtlAnomaly => "ttl-anomaly",
            Self::Ambiguous => "ambiguous",
            Self::ReorderedHello => "reordered-hello",
            Self::SplitRecords => "split-records",
            Self::BudgetPadding => "budget-padding",
            Self::FragmentOverlap => "fragment-overlap",
            Self::DnsUnsolicited => "dns-unsolicited",
            Self::Oversize => "oversize",
        }
    }

    /// The finding of this name, whatever the case of its letters.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finding| finding.name().eq_ignore_ascii_case(name))
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Findings(u16);

impl Findings {
    /// None.
    pub const NONE: Self = Self(0);

    /// Adds one; whether it is new.
    pub fn insert(&mut self, finding: Finding) -> bool {
        let before = self.0;
        self.0 |= finding.bit();
        self.0 != before
    }

    /// Whether this one is among them.
    pub fn contains(self, finding: Finding) -> bool {
        self.0 & finding.bit() != 0
    }

    /// Whether any of `others` is among them.
    pub fn intersects(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Those that are in either set.
    #[must_use]
    pub fn union(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those that are not in `others`.
    #[must_use]
    pub fn difference(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of [`Finding::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Finding> {
        Finding::ALL.into_iter().filter(move |finding| self.contains(*finding))
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self(finding.bit())
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        findings.into_iter().fold(Self::NONE, |set, finding| set.union(finding.into()))
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, findings: I) {
        *self = self.union(findings.into_iter().collect());
    }
}

/// Their names, separated by commas.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Finding::name).collect();
        f.pad(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_finding_is_found_by_its_name() {
        for finding in Finding::ALL {
            assert_eq!(Finding::from_name(finding.name()), Some(finding));
        }
        assert_eq!(Finding::from_name("Fake-Segment"), Some(Finding::FakeSegment));
        assert_eq!(Finding::from_name("any"), None, "is all of them, and none of them");
        let names: HashSet<_> = Finding::ALL.map(Finding::name).into();
        assert_eq!(names.len(), Finding::ALL.len());
    }

    #[test]
    fn a_set_has_what_was_put_into_it_once_and_in_order() {
        let mut set = Findings::default();
        assert!(set.is_empty());
        assert!(set.insert(Finding::Oversize));
        assert!(set.insert(Finding::FakeSegment));
        assert!(!set.insert(Finding::Oversize), "it is there");
        assert_eq!(set.iter().collect::<Vec<_>>(), [Finding::FakeSegment, Finding::Oversize]);
        assert!(set.contains(Finding::Oversize) && !set.contains(Finding::Ambiguous));
        assert_eq!(set.to_string(), "fake-segment, oversize");
        assert_eq!(Findings::NONE.to_string(), "");
    }

    #[test]
    fn sets_are_joined_compared_and_told_apart() {
        let all: Findings = Finding::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Finding::ALL.len());
        let fake = Findings::from(Finding::FakeSegment);
        let mut both = fake;
        both.extend([Finding::TtlAnomaly]);
        assert_eq!(fake.union(Finding::TtlAnomaly.into()), both);
        assert!(both.intersects(fake) && all.intersects(both));
        assert!(!fake.intersects(Finding::TtlAnomaly.into()) && !fake.intersects(Findings::NONE));
        assert_eq!(both.difference(fake), Finding::TtlAnomaly.into());
    }
}
