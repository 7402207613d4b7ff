//! How much crossed of a flow, by what user space and the kernel have seen of it.

use ndpi_flow::FlowEntry;

use super::store::{KernelCounts, Volume};
use crate::record::Counters;

/// Replaces what user space was shown of a flow by what the kernel counted while there was no
/// verdict: it has also seen what was not shown. An LRU map may have forgotten, and knows less then.
pub(crate) fn count_undecided<F>(flow: &mut FlowEntry<F>, kernel: Volume) {
    flow.packets = flow.packets.max(kernel.packets);
    flow.bytes = flow.bytes.max(kernel.bytes);
    flow.packets_before = u32::try_from(flow.packets).unwrap_or(u32::MAX);
}

/// The counters of a flow that is over: what passed without a verdict, and what met it.
pub(crate) fn count_all<F>(flow: &mut FlowEntry<F>, taken: &KernelCounts) -> Counters {
    flow.last_seen_ns = flow.last_seen_ns.max(taken.last_seen_ns.unwrap_or_default());
    if flow.decided().is_some_and(|decided| decided.given_up) {
        count_undecided(flow, taken.undecided);
    } else {
        // What was on its way through the kernel when the verdict was written.
        flow.packets += taken.undecided.packets;
        flow.bytes += taken.undecided.bytes;
    }
    Counters {
        packets: flow.packets + taken.decided.packets,
        bytes: flow.bytes + taken.decided.bytes,
        dropped: taken.dropped.packets,
    }
}
