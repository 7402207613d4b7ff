//! Actions: what a verdict does to the packets of a flow.

use serde::{Deserialize, Serialize};

/// What is done to the packets of a decided flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Dropped without a word.
    Drop,
    /// Dropped, and both ends notified: a TCP reset, or ICMP "administratively prohibited".
    Reject,
    /// Passed and counted.
    Count,
    /// Passed at the least cost, not counted per flow.
    Bypass,
    /// Passed up to a rate, dropped above it.
    Limit(Limit),
}

impl Action {
    /// The action without its settings, as records and the kernel know it.
    pub fn kind(self) -> ndpi_common::Action {
        match self {
            Self::Drop => ndpi_common::Action::Drop,
            Self::Reject => ndpi_common::Action::Reject,
            Self::Count => ndpi_common::Action::Count,
            Self::Bypass => ndpi_common::Action::Bypass,
            Self::Limit(_) => ndpi_common::Action::Limit,
        }
    }

    /// The word in policies, records and tables.
    pub fn name(self) -> &'static str {
        self.kind().name()
    }

    /// Whether every packet of the flow is kept from its receiver.
    pub fn blocks(self) -> bool {
        self.kind().drops()
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// Rate at which the bucket fills, bytes a second.
    pub bytes_per_second: u64,
    /// Size of the bucket: what may pass at once after silence, bytes.
    pub burst_bytes: u64,
    /// Who shares the bucket.
    pub per: Per,
}

/// Who shares the token bucket of a `limit` rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Per {
    /// All flows of the rule share one.
    #[default]
    Rule,
    /// Each flow has its own.
    Flow,
}

/// What is done to a flow that stays unclassified (`undecided`), to fragments whose flow is not
/// known (`fragments`) and to packets that cannot be parsed (`unparsable`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PassOrDrop {
    /// They pass.
    #[default]
    Pass,
    /// They are dropped. For `undecided`: once the flow has used up its budget.
    Drop,
}
