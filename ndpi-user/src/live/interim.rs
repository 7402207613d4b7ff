//! When a flow that goes on is reported of.

use std::time::Duration;

use ndpi_flow::{FlowEntry, Reported};

/// The longest that a decided flow with packets goes without a record; `None` for no such records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Interim(Option<u64>);

impl Interim {
    pub(super) fn every(timeout: Duration) -> Self {
        let ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        Self((ns > 0).then_some(ns))
    }

    /// Whether a flow is to be looked at for a record at `now_ns` (since the Unix epoch).
    pub(super) fn is_due<F>(self, flow: &FlowEntry<F>, now_ns: u64) -> bool {
        let last = flow.reported.as_ref().map_or(flow.first_seen_ns, |reported| reported.at_ns);
        flow.decided().is_some() && self.0.is_some_and(|every| now_ns.saturating_sub(last) >= every)
    }
}

/// The report that follows on the last one of `flow`, made at `now_ns`: with these counts it has nothing new where
/// they are the same.
pub(super) fn next_report<F>(
    flow: &FlowEntry<F>,
    counted: Reported,
    now_ns: u64,
) -> Option<Reported> {
    let before = flow.reported.as_deref().copied().unwrap_or_default();
    let is_new = counted.traffic != before.traffic || counted.dropped != before.dropped;
    is_new.then_some(Reported { parts: before.parts + 1, at_ns: now_ns, ..counted })
}

#[cfg(test)]
mod tests {
    use ndpi::Classification;
    use ndpi_common::{Key, KeyV4};
    use ndpi_flow::{Decided, DecidedBy, Details, Sample, Stage, Traffic, Volume};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn decided_flow() -> FlowEntry<()> {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], 1), ([198, 18, 0, 2], 2), 0, 6);
        let mut flow = FlowEntry::new(&Sample::new(Key::V4(key), direction, SECOND, &[]), ());
        flow.stage = Stage::Decided(Decided {
            classification: Classification::default(),
            details: Details::default(),
            verdict: None,
            given_up: false,
            by: DecidedBy::Content,
        });
        flow
    }

    #[test]
    fn a_flow_is_due_after_each_timeout() {
        let mut flow = decided_flow();
        let every = Interim::every(Duration::from_secs(5));
        assert!(!every.is_due(&flow, 5 * SECOND) && every.is_due(&flow, 6 * SECOND));
        assert!(!Interim::every(Duration::ZERO).is_due(&flow, u64::MAX));
        flow.reported = Some(Box::new(Reported { at_ns: 6 * SECOND, ..Reported::default() }));
        assert!(!every.is_due(&flow, 10 * SECOND) && every.is_due(&flow, 11 * SECOND));
        flow.stage = Stage::Undecided(());
        assert!(!every.is_due(&flow, u64::MAX));
    }

    #[test]
    fn there_is_no_report_where_nothing_came() {
        let mut flow = decided_flow();
        let lower = Volume { packets: 3, bytes: 300 };
        let counted =
            Reported { traffic: Traffic { lower, ..Traffic::default() }, ..Reported::default() };
        let first = next_report(&flow, counted, 7).unwrap();
        assert_eq!((first.parts, first.at_ns, first.traffic), (1, 7, counted.traffic));
        flow.reported = Some(Box::new(first));
        assert_eq!(next_report(&flow, counted, 8), None);
        let more = Reported { dropped: 1, ..counted };
        assert_eq!(next_report(&flow, more, 8).map(|it| it.parts), Some(2));
    }
}
