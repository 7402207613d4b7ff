//! The policy in force, and what its limits take from.

use std::collections::HashMap;
use std::sync::Arc;

use ndpi_common::Bucket;

use ndpi_policy::{Action, Limit, Per, Policy};

/// What a flow with the action `limit` takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// The bucket with this number, which the flows of its rule share.
    Shared(u32),
    /// A bucket of its own.
    Own(Limit),
}

/// A policy whose shared buckets stand in the kernel, see [`crate::enforce::PolicyInstaller`].
#[derive(Debug)]
pub struct ActivePolicy {
    policy: Arc<Policy>,
    /// The numbers of the buckets that rules share, by the rule's place.
    shared: HashMap<u16, u32>,
    revision: u32,
}

impl ActivePolicy {
    pub(super) fn new(policy: Arc<Policy>, shared: HashMap<u16, u32>, revision: u32) -> Self {
        Self { policy, shared, revision }
    }

    /// The rules.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Which of the instance's policies it is, from 1.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// What a flow that the rule in this place decided takes from; `None` where that is no limit.
    pub fn allowance(&self, rule: Option<u16>) -> Option<Allowance> {
        let place = rule?;
        match self.policy.rules().get(usize::from(place))?.action {
            Action::Limit(Limit { per: Per::Rule, .. }) => {
                self.shared.get(&place).copied().map(Allowance::Shared)
            }
            Action::Limit(limit) => Some(Allowance::Own(limit)),
            _ => None,
        }
    }

    /// The number of the bucket of every rule whose flows share one.
    pub(crate) fn shared(&self) -> impl Iterator<Item = u32> {
        self.shared.values().copied()
    }
}

/// A full bucket, as of `now_ns` nanoseconds since boot.
pub(super) fn full(limit: &Limit, now_ns: u64) -> Bucket {
    Bucket {
        bytes_per_second: limit.bytes_per_second,
        burst: limit.burst_bytes,
        tokens: limit.burst_bytes.cast_signed(),
        refilled_ns: now_ns,
    }
}
