//! When something was lost, by what: for the first time, and for the last.

use std::collections::BTreeMap;

use ndpi_events::{Time, Word};

use super::model::{LossSpan, LostSoFar};

/// What was lost at the last look, and when since the start or since that was forgotten.
#[derive(Debug, Default)]
pub(super) struct LossTimes {
    counts: BTreeMap<&'static str, u64>,
    spans: BTreeMap<Word, LossSpan>,
}

impl LossTimes {
    /// Takes in what was lost until now.
    pub(super) fn note(&mut self, now: Time, lost: &LostSoFar) {
        for (what, count) in lost.counts() {
            let before = self.counts.insert(what, count).unwrap_or_default();
            if count > before {
                let span = self.spans.entry(what.into());
                span.or_insert(LossSpan { first: now, last: now }).last = now;
            }
        }
    }

    /// Begins again, with what is lost from now on.
    pub(super) fn forget(&mut self) {
        self.spans.clear();
    }

    /// All of them.
    pub(super) fn spans(&self) -> BTreeMap<Word, LossSpan> {
        self.spans.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_has_its_first_time_and_its_last() {
        let at = |second: u64| Time::from_ns(second * 1_000_000_000);
        let mut times = LossTimes::default();
        let mut lost = LostSoFar::default();
        times.note(at(1), &lost);
        assert_eq!(times.spans(), BTreeMap::new());
        lost.left_out = 3;
        times.note(at(2), &lost);
        lost.held_back = 1;
        times.note(at(3), &lost);
        lost.left_out = 4;
        times.note(at(4), &lost);
        times.note(at(5), &lost);
        let span = |first, last| LossSpan { first: at(first), last: at(last) };
        let expected = [("left_out".into(), span(2, 4)), ("held_back".into(), span(3, 3))];
        assert_eq!(times.spans(), BTreeMap::from(expected));
        times.forget();
        times.note(at(6), &lost);
        assert_eq!(times.spans(), BTreeMap::new());
        lost.left_out = 5;
        times.note(at(7), &lost);
        assert_eq!(times.spans(), BTreeMap::from([("left_out".into(), span(7, 7))]));
    }
}
