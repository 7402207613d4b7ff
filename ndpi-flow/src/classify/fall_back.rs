//! The classification of a flow before nDPI looked at it again.

use super::sink::{Judge, Moment};
use crate::flow::{Decided, FlowEntry, RuleTexts, Stage};
use crate::verdict::Verdict;

/// Asks the policy again about a decided flow; of one that was taken over, by what is left of it.
pub(super) fn judge<F>(flow: &mut FlowEntry<F>, rules: &mut impl Judge<F>) {
    let Some(decided) = flow.decided() else { return };
    if let Some(adopted) = &flow.adopted {
        let judged = rules.judge_adopted(flow, adopted);
        return take_over(flow, judged);
    }
    let (said, texts) = (&decided.classification, RuleTexts::from(&decided.details));
    let verdict = rules.judge(flow, said, &texts, Moment::Final);
    if let Stage::Decided(decided) = &mut flow.stage {
        decided.verdict = verdict;
    }
}

/// Notes what the policy makes of a flow that was taken over.
fn take_over<F>(flow: &mut FlowEntry<F>, judged: Option<(Verdict, bool)>) {
    let Some((verdict, rests_on_more)) = judged else { return };
    if let Some(adopted) = &mut flow.adopted {
        adopted.rests_on_more = rests_on_more;
    }
    if let Stage::Decided(decided) = &mut flow.stage {
        decided.verdict = Some(verdict);
    }
}

/// Keeps of a flow that ended with `decided` what is known of it: that, or what was before nDPI looked at
/// it again.
pub(super) fn end_with<F>(flow: &mut FlowEntry<F>, decided: Decided, rules: &mut impl Judge<F>) {
    match flow.looks.before.take() {
        Some(before)
            if flow.start.is_incomplete(&decided.classification, decided.details.hostname()) =>
        {
            let before = Decided { given_up: decided.given_up, ..*before };
            fall_back(flow, before, rules);
        }
        _ => flow.stage = Stage::Decided(decided),
    }
    flow.questions = None;
}

/// Makes a flow again what it was before nDPI looked at it. The policy may be another since: what the one
/// before let through has not leaked.
pub(super) fn fall_back<F>(flow: &mut FlowEntry<F>, before: Decided, rules: &mut impl Judge<F>) {
    let earlier = before.verdict;
    flow.stage = Stage::Decided(before);
    judge(flow, rules);
    if flow.decided().is_some_and(|decided| decided.verdict != earlier) {
        let (packets, bytes) = std::mem::take(&mut flow.looks.passed);
        flow.allow(packets, bytes);
    }
}
