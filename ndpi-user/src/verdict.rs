//! Verdicts: what the rules make of a classification.

use std::fmt;

/// What the kernel does with the later packets of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Drop them.
    Drop,
    /// Drop them, and tell both ends.
    Reject,
    /// Let them pass, counted per flow.
    Count,
    /// Let them pass with the least work; counted in the statistics only.
    Bypass,
    /// Let them pass up to a rate.
    Limit,
}

impl Action {
    /// All actions, in the order of the design.
    pub const ALL: [Self; 5] = [Self::Drop, Self::Reject, Self::Count, Self::Bypass, Self::Limit];

    /// The word for it in policies and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reject => "reject",
            Self::Count => "count",
            Self::Bypass => "bypass",
            Self::Limit => "limit",
        }
    }

    /// Whether no later packet of the flow gets through.
    pub fn blocks(self) -> bool {
        matches!(self, Self::Drop | Self::Reject)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An action and the rule it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What the kernel is to do.
    pub action: Action,
    /// The rule that matched, by its place in the file from 0; `None` for the policy's default.
    pub rule: Option<u16>,
}
