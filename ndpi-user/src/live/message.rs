//! Messages to workers, and their answers.

use std::sync::Arc;

use crossbeam::channel::Sender;
use ndpi_flow::{End, FlowKey};

use crate::enforce::ActivePolicy;

/// A message to a worker.
#[derive(Debug)]
pub(super) enum Message {
    /// Flows that the kernel has seen the end of.
    Over(Vec<Over>),
    /// Flows of which the kernel has seen packets, the last active one last.
    Active(Vec<Active>),
    /// A new policy: flows that were decided by the old one are judged again, and their verdicts
    /// replaced, before any other message or sample is looked at.
    Policy(Arc<ActivePolicy>, Sender<Rejudged>),
}

/// A flow whose verdict has done its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over {
    /// The flow.
    pub key: FlowKey,
    /// Why it is over.
    pub end: End,
    /// Its last packet, a tick of the coarse clock. Where another has come since, it is not over.
    pub last_seen: u32,
    /// The same in nanoseconds since the Unix epoch.
    pub last_seen_ns: u64,
}

/// A flow whose packets the kernel has seen since the last sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Active {
    /// The flow.
    pub key: FlowKey,
    /// Whether the lower and the upper endpoint have sent something that would answer the other.
    pub answers: [bool; 2],
}

/// What came of judging flows again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejudged {
    /// Decided flows that were judged again.
    pub flows: u64,
    /// How many of them have another verdict now.
    pub changed: u64,
}

impl Rejudged {
    /// Adds what another worker did.
    pub fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.changed += other.changed;
    }
}
