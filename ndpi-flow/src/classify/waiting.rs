//! Flows that wait to be looked at again.

use std::collections::VecDeque;

use crate::flow::AFTER;
use crate::key::FlowKey;

/// Flows that wait, each with the time (nanoseconds since the Unix epoch) at which it is due. All of a
/// queue wait equally long, so it is in order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) to_begin: [VecDeque<(u64, FlowKey)>; AFTER.len()],
    /// With the look that is to end: the flow may be at a later one.
    pub(super) to_end: VecDeque<(u64, (usize, FlowKey))>,
}
