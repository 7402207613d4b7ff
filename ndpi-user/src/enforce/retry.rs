//! Verdicts that the maps have refused, until they take them.

use std::collections::{HashMap, VecDeque};

use ndpi_flow::FlowKey;

/// What the kernel lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// A verdict on the flow: the kernel goes on as if nothing had been decided.
    Verdict,
    /// The change of one: an earlier verdict stands.
    Change,
}

/// The flows that the kernel lacks something of, those that were tried longest ago first.
#[derive(Debug, Default)]
pub(super) struct RetryQueue {
    flows: HashMap<FlowKey, Pending>,
    order: VecDeque<FlowKey>,
    /// How often the maps refused something.
    refused: u64,
    /// What is to be reported of that.
    refusal: Option<Refusal>,
}

/// What the maps have refused, and how often until then. It is reported the first time, and then each time that
/// it was twice as often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How often they refused something.
    pub times: u64,
    /// The last reason.
    pub text: String,
}

impl RetryQueue {
    /// Notes that the maps refused something.
    pub(super) fn refuse(&mut self, error: &anyhow::Error) {
        self.refused += 1;
        if self.refused.is_power_of_two() {
            let times = self.refused;
            self.refusal =
                Some(Refusal { times, text: format!("{error:#} ({times} times so far)") });
        }
    }

    /// What there is to report of refusals since the last call.
    pub(super) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// Notes what is missing of a flow.
    pub(super) fn add(&mut self, key: FlowKey, missing: Pending) {
        if self.flows.insert(key, missing).is_none() {
            self.order.push_back(key);
        }
        // Flows that were over in between have left their place in the order.
        if self.order.len() > 64 + 2 * self.flows.len() {
            let mut left = self.flows.clone();
            self.order.retain(|key| left.remove(key).is_some());
        }
    }

    /// What is missing of a flow.
    pub(super) fn get(&self, key: &FlowKey) -> Option<Pending> {
        self.flows.get(key).copied()
    }

    /// Nothing of the flow is missing any more, or it is over.
    pub(super) fn remove(&mut self, key: &FlowKey) -> Option<Pending> {
        // Mostly there are none.
        if self.flows.is_empty() { None } else { self.flows.remove(key) }
    }

    /// The next flow to try.
    pub(super) fn next(&mut self) -> Option<(FlowKey, Pending)> {
        loop {
            let key = self.order.pop_front()?;
            if let Some(missing) = self.flows.remove(&key) {
                return Some((key, missing));
            }
        }
    }

    /// How many flows there are.
    pub(super) fn len(&self) -> usize {
        self.flows.len()
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::KeyV4;

    use super::{FlowKey, Pending, RetryQueue};

    fn key(port: u16) -> FlowKey {
        FlowKey::V4(KeyV4::new(([198, 18, 0, 1], port), ([198, 18, 0, 2], 443), 0, 6).0)
    }

    #[test]
    fn flows_are_tried_in_turn() {
        let mut unwritten = RetryQueue::default();
        for port in 1..=3 {
            unwritten.add(key(port), Pending::Verdict);
        }
        unwritten.add(key(1), Pending::Change);
        unwritten.remove(&key(2));
        assert_eq!(unwritten.next(), Some((key(1), Pending::Change)));
        unwritten.add(key(1), Pending::Change);
        assert_eq!(unwritten.next(), Some((key(3), Pending::Verdict)));
        assert_eq!(unwritten.next(), Some((key(1), Pending::Change)));
        assert_eq!((unwritten.next(), unwritten.len()), (None, 0));
    }

    #[test]
    fn flows_that_are_over_leave_nothing_behind() {
        let mut unwritten = RetryQueue::default();
        for port in 1..10_000 {
            unwritten.add(key(port), Pending::Verdict);
            unwritten.remove(&key(port));
        }
        assert!(unwritten.order.len() < 100, "{}", unwritten.order.len());
    }

    #[test]
    fn a_refusal_is_reported_when_it_was_twice_as_often() {
        let mut retries = RetryQueue::default();
        let reported = (1..=9).filter_map(|_| {
            retries.refuse(&anyhow::anyhow!("no room"));
            retries.take_refusal().map(|it| (it.times, it.text))
        });
        let reported: Vec<_> = reported.collect();
        assert_eq!(reported.iter().map(|(times, _)| *times).collect::<Vec<_>>(), [1, 2, 4, 8]);
        assert_eq!(reported[3].1, "no room (8 times so far)");
    }
}
