//! The kernel's statistics as plain values.

use ndpi_kernel::Statistics;

use super::model::Counted;
use crate::report::{hook_name, outcome_name};

/// What happened, by hook, outcome and reason.
pub(crate) fn counted(statistics: &Statistics) -> Vec<Counted> {
    let all = statistics.iter().map(|(hook, outcome, reason, stat)| Counted {
        hook: hook_name(hook).into(),
        outcome: outcome_name(outcome).into(),
        reason: reason.name().into(),
        packets: stat.packets,
        bytes: stat.bytes,
    });
    all.collect()
}
