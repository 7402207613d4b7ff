//! Verdicts: what the rules make of a classification.

pub use ndpi_common::Action;

/// An action and the rule it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// What the kernel does with the later packets of the flow.
    pub action: Action,
    /// The rule that matched, by its place in the file from 0; `None` for the policy's default.
    pub rule: Option<u16>,
}
