//! Notes in entries of verdicts, for whoever takes them over.

use ndpi::{Confidence, State};
use ndpi_common::EntryNote;
use ndpi_flow::FlowEntry;
use ndpi_policy::Policy;

const STEPS: [State; 4] = [State::Inspecting, State::Partial, State::Monitoring, State::Classified];

/// What is to be noted of a decided flow, by the policy in force.
pub(super) fn note_of<F>(flow: &FlowEntry<F>, policy: &Policy) -> EntryNote {
    let Some(decided) = flow.decided() else { return EntryNote::default() };
    let said = &decided.classification;
    let rule = decided.verdict.and_then(ndpi_flow::Verdict::rule_index);
    let rests_on_more = match &flow.adopted {
        Some(adopted) => adopted.rests_on_more,
        None => rule.is_some_and(|rule| policy.rests_on_more(rule)),
    };
    EntryNote {
        client: Some(flow.client),
        rests_on_more,
        guessed: said.guessed,
        incomplete: flow.is_incomplete(),
        state: number(STEPS.iter().position(|step| *step == said.state)),
        proven: flow.proof.is_given(),
        confidence: number(Confidence::ALL.iter().position(|it| *it == said.confidence)),
        ifindex: flow.ifindex,
    }
}

/// The step of a note.
pub(super) fn step_of(number: u8) -> State {
    STEPS.get(usize::from(number)).copied().unwrap_or_default()
}

/// The confidence of a note.
pub(super) fn confidence_of(number: u8) -> Confidence {
    Confidence::ALL.get(usize::from(number)).copied().unwrap_or_default()
}

/// A place in a list that has a few; the first where there is none.
fn number(place: Option<usize>) -> u8 {
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_confidences_come_back() {
        for (place, step) in (0..).zip(STEPS) {
            let note = EntryNote { state: place, ..EntryNote::default() };
            assert_eq!(step_of(EntryNote::of_word(note.word()).state), step);
        }
        for (place, confidence) in (0..).zip(Confidence::ALL) {
            let note = EntryNote { confidence: place, ..EntryNote::default() };
            assert_eq!(confidence_of(EntryNote::of_word(note.word()).confidence), confidence);
        }
        assert_eq!(confidence_of(u8::MAX), Confidence::Unknown);
    }
}
