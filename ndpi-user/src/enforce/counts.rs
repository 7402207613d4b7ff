//! How much crossed of a flow, by what user space and the kernel have seen of it.

use ndpi_flow::{FlowEntry, Traffic};

use super::store::KernelCounts;
use crate::record::Counters;

/// Replaces what user space was shown of a flow by what the kernel counted while there was no
/// verdict: it has also seen what was not shown. An LRU map may have forgotten, and knows less then.
pub(crate) fn count_undecided<F>(flow: &mut FlowEntry<F>, kernel: Traffic) {
    // What it was given more packets for was counted before.
    let earlier = flow.extended.as_deref().copied().unwrap_or_default();
    flow.traffic = flow.traffic.max(earlier + kernel);
    flow.begin_verdict();
}

/// Notes what the kernel counted of a flow until more packets of it were shown than its budget: true.
pub(crate) fn extended<F>(flow: &mut FlowEntry<F>, kernel: Traffic) -> bool {
    count_undecided(flow, kernel);
    flow.extended = Some(Box::new(flow.traffic));
    true
}

/// The counters of a flow that is over: what passed without a verdict, and what met it.
pub(crate) fn count_all<F>(flow: &mut FlowEntry<F>, taken: &KernelCounts) -> Counters {
    flow.last_seen_ns = flow.last_seen_ns.max(taken.last_seen_ns.unwrap_or_default());
    if flow.decided().is_some_and(|decided| decided.given_up) {
        count_undecided(flow, taken.undecided);
    } else {
        // What was on its way through the kernel when the verdict was written.
        flow.traffic += taken.undecided;
    }
    Counters::new(flow.traffic + taken.decided, flow.client, taken.dropped.packets)
}
