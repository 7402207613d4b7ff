//! Verdicts by a policy.

use ndpi_policy::{Facts, Policy};

use super::sink::Moment;
use crate::verdict::Verdict;

/// The verdict of a policy; `None` while nDPI should see more of the flow, which is never at the final
/// moment.
pub fn judge(policy: &Policy, facts: &Facts<'_>, moment: Moment) -> Option<Verdict> {
    match moment {
        Moment::FirstPacket | Moment::Early => policy.decide(facts),
        Moment::Final => Some(policy.decide_now(facts)),
    }
    .map(Verdict::from)
}
