//! Deciding by a finding, before nDPI has had its last word.
//!
//! Findings are only ever added to a flow. A rule that asks for one, and for nothing else but what is known from
//! a flow's first packet on (addresses, port, protocol, VLAN, interface, time), will match at the end if it
//! matches now. It decides at once, unless a rule before it may yet match: as with first packets, no rule overtakes
//! an exception. To find that out in one look-up, the rules are indexed once more without the matchers whose
//! answer may change: what is left of a rule matches whenever the whole rule may.

use ndpi_labels::Findings;

use crate::facts::{Derived, Facts, RuleIndex};
use crate::index::Index;
use crate::rule::{Matchers, Rule};

/// The rules as a finding meets them.
#[derive(Debug)]
pub(super) struct ByFinding {
    rules: Vec<Rule>,
    index: Index,
    /// By rule: the findings by which it decides; none where it waits for what nDPI says.
    asked: Vec<Findings>,
}

impl ByFinding {
    /// `None` where no rule decides by a finding.
    pub(super) fn new(rules: &[Rule]) -> Option<Self> {
        let asked: Vec<_> = rules.iter().map(asked).collect();
        let rules: Vec<_> = rules.iter().map(lasting_part).collect();
        let decides = asked.iter().any(|asked| !asked.is_empty());
        decides.then(|| Self { index: Index::new(&rules), rules, asked })
    }

    /// The rule that decides a flow by what was found in it.
    pub(super) fn rule(&self, facts: &Facts<'_>, derived: &Derived) -> Option<RuleIndex> {
        if facts.findings.is_empty() {
            return None;
        }
        let rule = self.index.first_match(&self.rules, facts, derived)?;
        self.asked[usize::from(rule.0)].intersects(facts.findings).then_some(rule)
    }
}

/// The findings that a rule asks for, if it asks for nothing whose answer may change.
fn asked(rule: &Rule) -> Findings {
    let lasts = !changes(&rule.matchers) && !changes(&rule.not) && rule.not.evasion.is_none();
    let asked = rule.matchers.evasion.iter().flatten().filter(|_| lasts);
    asked.fold(Findings::NONE, |all, at| all.union(at.value))
}

/// What of a rule has the same answer until the flow is decided. What was found stays found, so what must not be
/// found keeps its answer where it was; what is asked for may come.
fn lasting_part(rule: &Rule) -> Rule {
    let matchers = Matchers { evasion: None, ..lasting(&rule.matchers) };
    Rule { matchers, not: lasting(&rule.not), ..rule.clone() }
}

fn lasting(matchers: &Matchers) -> Matchers {
    let Matchers { src, dst, any, port, proto, vlan, iface, evasion, schedule, .. } =
        matchers.clone();
    Matchers { src, dst, any, port, proto, vlan, iface, evasion, schedule, ..Matchers::default() }
}

/// Whether something is asked whose answer may change with the flow's next packets.
fn changes(matchers: &Matchers) -> bool {
    let Matchers {
        app,
        category,
        flow_category,
        group,
        breed,
        risk,
        risk_score,
        host,
        ja4,
        alpn,
        src: _,
        dst: _,
        any: _,
        port: _,
        proto: _,
        vlan: _,
        iface: _,
        confidence,
        guessed,
        incomplete,
        evasion: _,
        schedule: _,
    } = matchers;
    app.is_some()
        || category.is_some()
        || flow_category.is_some()
        || group.is_some()
        || breed.is_some()
        || risk.is_some()
        || risk_score.is_some()
        || host.is_some()
        || ja4.is_some()
        || alpn.is_some()
        || confidence.is_some()
        || guessed.is_some()
        || incomplete.is_some()
}
