//! Decides flows that no rule matches.

use ndpi_labels::{AppId, Classification, Confidence};

/// What a verdict's rule is called where no rule matched, and the policy's default decided.
pub const DEFAULT_RULE: &str = "default";
/// The same where `undecided` decided: of flows whose application stayed Unknown, is guessed from a port,
/// or may be another since their start was not seen.
pub const UNDECIDED_RULE: &str = "undecided";

/// The setting that decides flows of this classification when no rule matches. A port alone says nothing
/// of what a flow is: nDPI names one for random bytes, too. One that is `incomplete` may be of another
/// application.
pub(crate) fn rest_of(said: &Classification, incomplete: bool) -> &'static str {
    let by_port = said.confidence == Confidence::MatchByPort;
    let unknown = incomplete || by_port || said.app == AppId::default();
    if unknown { UNDECIDED_RULE } else { DEFAULT_RULE }
}
