//! Explanations of a policy's decisions, as they are printed.

use ndpi_flow::Moment;
use ndpi_policy::{Explanation, Facts, FlowWords, Policy, Vocabulary, explain};

/// A policy and how its decisions are shown.
pub(super) struct Explainer<'a> {
    policy: &'a Policy,
    names: &'a Vocabulary,
    json: bool,
}

impl<'a> Explainer<'a> {
    pub(super) fn new(policy: &'a Policy, names: &'a Vocabulary, json: bool) -> Self {
        Self { policy, names, json }
    }

    /// The explanation of a flow in words, with what was assumed of it.
    pub(super) fn explain_words(&self, flow: &FlowWords) -> String {
        let facts = flow.facts();
        let explanation = explain(self.policy, &facts);
        self.shown(&Explanation { notes: flow.notes().to_vec(), ..explanation }, &facts)
    }

    /// The explanation of a flow, ready to print. At its final moment a flow is decided however
    /// much is known of it.
    pub(super) fn explain(&self, facts: &Facts<'_>, moment: Moment) -> String {
        let mut explanation = explain(self.policy, facts);
        if moment == Moment::Final {
            explanation.decision = Some(self.policy.decide_now(facts));
        }
        self.shown(&explanation, facts)
    }

    fn shown(&self, explanation: &Explanation, facts: &Facts<'_>) -> String {
        if self.json {
            format!("{}\n", explanation.to_json(self.policy, facts, self.names))
        } else {
            format!("{}\n\n", explanation.to_text(self.policy, facts, self.names))
        }
    }
}
