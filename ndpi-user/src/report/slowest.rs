//! The flows that took nDPI longest.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use ndpi::AppId;

use ndpi_flow::{Endpoint, FlowEntry};

/// A flow and what its classification took.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlowFlow {
    /// Packets that nDPI looked at.
    pub inspected: u16,
    /// From the first packet to the one that decided.
    pub took: Duration,
    /// What it was found to be.
    pub app: AppId,
    /// IP protocol number.
    pub proto: u8,
    /// Client and server.
    pub ends: (Endpoint, Endpoint),
    /// The capture.
    pub capture: Arc<str>,
}

/// The slowest of many flows: most packets, then longest time.
#[derive(Clone, Debug, Default)]
pub struct Slowest {
    /// The slowest first.
    flows: Vec<SlowFlow>,
}

impl Slowest {
    /// How many are kept.
    pub const KEPT: usize = 10;

    /// Notes a flow that was decided `took` after its first packet.
    #[inline]
    pub fn note<F>(&mut self, flow: &FlowEntry<F>, took: Duration, capture: &Arc<str>) {
        let slower_than_last = match self.flows.last() {
            Some(last) if self.flows.len() == Self::KEPT => {
                (flow.inspected, took) > (last.inspected, last.took)
            }
            _ => true,
        };
        if slower_than_last && let Some(decided) = flow.decided() {
            self.insert(SlowFlow {
                inspected: flow.inspected,
                took,
                app: decided.classification.app,
                proto: flow.key.proto(),
                ends: flow.endpoints(),
                capture: Arc::clone(capture),
            });
        }
    }

    /// Adds what others have noted.
    pub fn add(&mut self, other: Self) {
        other.flows.into_iter().for_each(|flow| self.insert(flow));
    }

    /// The flows, the slowest first.
    pub fn flows(&self) -> &[SlowFlow] {
        &self.flows
    }

    pub(super) fn insert(&mut self, flow: SlowFlow) {
        self.flows.push(flow);
        self.flows.sort_by(|a, b| {
            let rank = |flow: &SlowFlow| Reverse((flow.inspected, flow.took));
            rank(a).cmp(&rank(b)).then_with(|| a.cmp(b))
        });
        self.flows.truncate(Self::KEPT);
    }
}
