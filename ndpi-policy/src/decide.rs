//! A policy ready to decide.

use std::sync::{Arc, OnceLock};

use ndpi_labels::{Classification, State};

use crate::action::{Action, PassOrDrop};
use crate::by_finding::ByFinding;
use crate::category::CategoryTable;
use crate::diagnose::Diagnostics;
use crate::facts::{Decision, Derived, Facts, RuleIndex};
use crate::first_packet::FirstPacket;
use crate::group::Group;
use crate::index::Index;
use crate::known_parts::KnownParts;
use crate::parsed::Parsed;
use crate::rest::{DEFAULT_RULE, rest_of};
use crate::rule::{MAX_RULES, Rule};
use crate::schedule::Schedule;
use crate::vocabulary::Vocabulary;

/// The rules of a file, indexed.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    /// So many of them are not of its file.
    preceding: usize,
    groups: Vec<Arc<Group>>,
    default: Action,
    undecided: PassOrDrop,
    fragments: PassOrDrop,
    unparsable: PassOrDrop,
    holds: bool,
    acts_on_partial: bool,
    acts_on_requests: bool,
    risk_scores: [u16; 64],
    app_categories: CategoryTable,
    index: Index,
    early: Option<FirstPacket>,
    by_finding: Option<ByFinding>,
    /// Made when the first flow of an earlier instance is to be decided.
    known_parts: OnceLock<KnownParts>,
    /// The time that schedules are asked with, in place of a flow's own.
    at: Option<jiff::Timestamp>,
    diagnostics: Diagnostics,
}

impl Policy {
    pub(super) fn new(parsed: Parsed, vocabulary: &Vocabulary, diagnostics: Diagnostics) -> Self {
        let index = Index::new(&parsed.rules);
        let Parsed {
            rules, groups, default, undecided, fragments, unparsable, recheck, hold, ..
        } = parsed;
        Self {
            acts_on_partial: rules.iter().any(|rule| rule.partial),
            acts_on_requests: recheck && rules.iter().any(Rule::asks_for_host),
            early: FirstPacket::new(&rules, &vocabulary.app_categories),
            by_finding: ByFinding::new(&rules),
            known_parts: OnceLock::new(),
            rules,
            preceding: 0,
            groups,
            default,
            undecided,
            fragments,
            unparsable,
            holds: hold,
            risk_scores: vocabulary.risk_scores,
            app_categories: vocabulary.app_categories.clone(),
            index,
            at: None,
            diagnostics,
        }
    }

    /// The same policy with `first` before its rules; `None` where that is more than there can be. What is asked of
    /// it before nDPI's final word stays what its own rules ask.
    pub fn preceded_by(&self, first: &[Rule]) -> Option<Self> {
        let rules: Vec<_> = first.iter().chain(&self.rules).cloned().collect();
        (rules.len() <= MAX_RULES).then(|| Self {
            index: Index::new(&rules),
            early: FirstPacket::new(&rules, &self.app_categories),
            by_finding: ByFinding::new(&rules),
            known_parts: OnceLock::new(),
            preceding: self.preceding + first.len(),
            rules,
            groups: self.groups.clone(),
            app_categories: self.app_categories.clone(),
            diagnostics: self.diagnostics.clone(),
            ..*self
        })
    }

    /// How many of [its rules](Self::rules) were put before those of its file.
    pub fn preceding(&self) -> usize {
        self.preceding
    }

    /// The policy as it is at one moment, whenever a flow is seen; `None` changes nothing.
    #[must_use]
    pub fn at(mut self, time: Option<jiff::Timestamp>) -> Self {
        self.at = time.or(self.at);
        self
    }

    /// Facts with the time that schedules are asked with.
    pub(super) fn timed<'a>(&self, facts: &Facts<'a>) -> Facts<'a> {
        Facts { time: self.at.unwrap_or(facts.time), ..*facts }
    }

    /// Whether any rule depends on the time.
    pub(super) fn has_schedules(&self) -> bool {
        self.schedules().next().is_some()
    }

    fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        let matchers = self.rules.iter().flat_map(|rule| [&rule.matchers, &rule.not]);
        matchers.filter_map(|matchers| Some(&matchers.schedule.as_ref()?.value))
    }

    /// What the rules make of a flow now, or `None` while nDPI should see more of it.
    ///
    /// With nDPI's final word the first rule that matches decides, or `default`, or `undecided`. In state PARTIAL
    /// the first rule that matches decides if it says `state = "partial"`; if it does not, the flow
    /// waits, so that a rule never overtakes an exception written before it.
    ///
    /// In state INSPECTING the facts are what is claimed by the flow's first packet. A rule decides if
    /// it says `first_packet = true`, matches as far as can be known then, and none before it that
    /// does not say so may turn out to match.
    ///
    /// In both of these states, a rule decides that [asks for what was found](Self::decide_by_findings).
    pub fn decide(&self, facts: &Facts<'_>) -> Option<Decision> {
        let state = facts.classification.state;
        if state == State::Inspecting {
            let facts = &self.timed(facts);
            let rule =
                self.early.as_ref().and_then(|early| early.rule(facts, &self.derived(facts)));
            return rule.map(|rule| self.by_rule(rule)).or_else(|| self.decide_by_findings(facts));
        }
        let worth_it = state.is_final() || state == State::Partial && self.acts_on_partial;
        let rule = if worth_it { self.first_match(facts) } else { None };
        self.decide_given(facts, rule)
    }

    /// [`Policy::decide`] beyond state INSPECTING, the first rule that matches being known.
    pub(super) fn decide_given(
        &self,
        facts: &Facts<'_>,
        rule: Option<RuleIndex>,
    ) -> Option<Decision> {
        match facts.classification.state {
            State::Inspecting => None,
            State::Partial => {
                let rule = rule.filter(|rule| self.rule(*rule).partial);
                rule.map(|rule| self.by_rule(rule)).or_else(|| self.decide_by_findings(facts))
            }
            State::Monitoring | State::Classified => Some(self.by_rule_or_rest(rule, facts)),
        }
    }

    /// What the rules make of a flow by its findings alone: the first rule that may still match decides, if it
    /// asks for one of them (`evasion`) and for nothing besides that nDPI has yet to say.
    pub fn decide_by_findings(&self, facts: &Facts<'_>) -> Option<Decision> {
        let facts = &self.timed(facts);
        let rule = self.by_finding.as_ref()?.rule(facts, &self.derived(facts))?;
        Some(self.by_rule(rule))
    }

    /// Whether some rule decides by a finding before nDPI has had its last word.
    pub fn acts_on_findings(&self) -> bool {
        self.by_finding.is_some()
    }

    /// What the rules make of a flow that will not become clearer: it is classified, or its budget
    /// is used up. The first rule that matches what is known decides; else `default`, or `undecided` where the
    /// application is unknown.
    pub fn decide_now(&self, facts: &Facts<'_>) -> Decision {
        self.by_rule_or_rest(self.first_match(facts), facts)
    }

    /// The first rule whose matchers hold, whatever the flow's state.
    pub fn first_match(&self, facts: &Facts<'_>) -> Option<RuleIndex> {
        self.index.first_match(&self.rules, &self.timed(facts), &self.derived(facts))
    }

    /// Whether some rule acts before nDPI's final word, so that flows in state PARTIAL are worth a
    /// decision.
    pub fn acts_on_partial(&self) -> bool {
        self.acts_on_partial
    }

    /// Whether the decision on a connection may be another one by what is asked for later on it: some rule
    /// asks for hosts or what follows from them, and the policy does not say `recheck = false`.
    pub fn acts_on_requests(&self) -> bool {
        self.acts_on_requests
    }

    /// The rules as far as they ask for what is known of flows of an earlier instance.
    pub(super) fn known_parts(&self) -> &KnownParts {
        self.known_parts.get_or_init(|| KnownParts::new(&self.rules))
    }

    pub(super) fn early(&self) -> Option<&FirstPacket> {
        self.early.as_ref()
    }

    /// The moment after `time` until which every schedule keeps its answer: flows decided before it
    /// are due to be decided again then. `None` where no rule has a schedule that changes.
    pub fn next_change(&self, time: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let moving = self.schedules().filter(|_| self.at.is_none());
        moving.filter_map(|schedule| schedule.next_change(time)).min()
    }

    /// The rules, in file order, behind those that [precede](Self::preceding) them.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// All groups that rules can name: ours, with what the policy adds, and its own.
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// A rule.
    ///
    /// # Panics
    /// If the index is of another policy with more rules.
    pub fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[usize::from(index.0)]
    }

    /// What is done to flows of a known application that no rule matches.
    pub fn default_action(&self) -> Action {
        self.default
    }

    /// What is done to flows whose application is still unknown when nDPI has given up or their
    /// budget is used up, and that no rule matches.
    pub fn undecided(&self) -> PassOrDrop {
        self.undecided
    }

    /// What is done to fragments whose flow is not known.
    pub fn fragments(&self) -> PassOrDrop {
        self.fragments
    }

    /// What is done to packets that cannot be parsed.
    pub fn unparsable(&self) -> PassOrDrop {
        self.unparsable
    }

    /// Whether what a TCP server answers is held back until its flow is decided.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// The files it was read from, with the warnings found in them.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    pub(super) fn diagnostics_mut(&mut self) -> &mut Diagnostics {
        &mut self.diagnostics
    }

    /// The files it was read from: the policy first, then its lists.
    pub fn files(&self) -> Vec<std::path::PathBuf> {
        self.diagnostics.paths().map(std::path::Path::to_owned).collect()
    }

    /// What rules ask of `facts` besides what they say.
    pub(super) fn derived(&self, facts: &Facts<'_>) -> Derived {
        let said = facts.classification;
        Derived {
            risk_score: self.risk_score(facts),
            categories: self.app_categories.of_flow(said.app, said.category),
        }
    }

    /// The score of a flow's risks (`ndpi_risk2score`).
    pub fn risk_score(&self, facts: &Facts<'_>) -> u16 {
        facts.classification.risks.score(&self.risk_scores)
    }

    pub(super) fn by_rule(&self, rule: RuleIndex) -> Decision {
        Decision { action: self.rule(rule).action, rule: Some(rule) }
    }

    fn by_rule_or_rest(&self, rule: Option<RuleIndex>, facts: &Facts<'_>) -> Decision {
        rule.map_or_else(|| self.by_rest(facts), |rule| self.by_rule(rule))
    }

    /// What is done to a flow that no rule matches.
    pub(super) fn by_rest(&self, facts: &Facts<'_>) -> Decision {
        Decision { action: self.rest(facts).0, rule: None }
    }

    /// What is done to a flow that no rule matches, and the setting that says so: `default` where
    /// nDPI knows the application, `undecided` where it does not, or only guesses it from a port. nDPI
    /// calls a flow CLASSIFIED also when it gives up on it, so the state does not tell the two apart.
    pub(super) fn rest(&self, facts: &Facts<'_>) -> (Action, &'static str) {
        let setting = rest_of(facts.classification, facts.incomplete);
        let action = match self.undecided {
            _ if setting == DEFAULT_RULE => self.default,
            PassOrDrop::Pass => Action::Count,
            PassOrDrop::Drop => Action::Drop,
        };
        (action, setting)
    }

    /// What the rule of a decision is called, or the setting that decided in place of one; `incomplete`
    /// as in [`Facts`](crate::Facts).
    pub fn decided_by(
        &self,
        rule: Option<RuleIndex>,
        said: &Classification,
        incomplete: bool,
    ) -> &str {
        rule.map_or_else(|| rest_of(said, incomplete), |rule| self.rule_name(Some(rule)))
    }

    /// What a rule is called; [`DEFAULT_RULE`] where there is none.
    pub fn rule_name(&self, rule: Option<RuleIndex>) -> &str {
        let rule = rule.and_then(|RuleIndex(rule)| self.rules().get(usize::from(rule)));
        rule.map_or(DEFAULT_RULE, |rule| &rule.name)
    }
}

impl Policy {
    /// Whether some rule lets a flow's first packet decide.
    pub fn acts_on_first_packet(&self) -> bool {
        self.early().is_some()
    }

    /// Whether the rule at this place lets a flow's first packet decide.
    pub fn decides_early(&self, rule: RuleIndex) -> bool {
        self.rules().get(usize::from(rule.0)).is_some_and(|rule| rule.first_packet)
    }

    /// The rule that decides every new flow to a server of which `facts` are claimed, whoever the
    /// client is: those facts that are about the client are not looked at.
    pub fn rule_for_server(&self, facts: &Facts<'_>) -> Option<RuleIndex> {
        self.early()?.rule_for_all(facts, &self.derived(facts))
    }
}
