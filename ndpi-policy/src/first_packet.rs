//! Deciding by a flow's first packet, when most of what rules can ask is not known yet.
//!
//! What is claimed of the flow then, its application and name, comes from earlier flows of its
//! server. A rule decides by it if it says `first_packet = true`, surely matches, and no rule before
//! it that does not say so may yet turn out to match. To find that out in one look-up, the rules are
//! indexed once more without the matchers that cannot be answered: what is left of a rule matches
//! whenever the whole rule may.

use std::sync::Arc;

use ndpi_labels::CategoryId;

use crate::app_pattern::AppPattern;
use crate::carrier::{carries, is_mere_carrier};
use crate::category::CategoryTable;
use crate::facts::{Derived, Facts, RuleIndex};
use crate::group::Group;
use crate::index::Index;
use crate::rule::{At, Matchers, Rule};

/// For whom a decision is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// The client of the flow, by way of the interface that saw it.
    OneClient,
    /// Any client of the server, by way of any interface.
    EveryClient,
}

/// The rules as a first packet meets them.
#[derive(Debug)]
pub(super) struct FirstPacket {
    one_client: View,
    every_client: View,
}

impl FirstPacket {
    /// `None` where no rule says `first_packet = true`.
    pub(super) fn new(rules: &[Rule], table: &CategoryTable) -> Option<Self> {
        rules.iter().any(|rule| rule.first_packet).then(|| Self {
            one_client: View::new(rules, For::OneClient, table),
            every_client: View::new(rules, For::EveryClient, table),
        })
    }

    /// The rule that decides a flow of which `facts` are claimed.
    pub(super) fn rule(&self, facts: &Facts<'_>, derived: &Derived) -> Option<RuleIndex> {
        self.one_client.rule(facts, derived)
    }

    /// The rule that decides every flow of the server, whoever the client is.
    pub(super) fn rule_for_all(&self, facts: &Facts<'_>, derived: &Derived) -> Option<RuleIndex> {
        self.every_client.rule(facts, derived)
    }
}

#[derive(Debug)]
struct View {
    rules: Vec<Rule>,
    index: Index,
    /// By rule: whether it decides when what is left of it matches.
    sure: Vec<bool>,
    /// The first rule that asks for a name which it takes as claimed. Rules behind it wait for one.
    named: Option<RuleIndex>,
}

impl View {
    fn new(rules: &[Rule], whom: For, table: &CategoryTable) -> Self {
        let sure = rules.iter().map(|rule| is_answerable(rule, whom)).collect();
        let asks_for_name = |rule: &Rule| rule.first_packet && rule.matchers.host.is_some();
        let named = (0..).map(RuleIndex).zip(rules).find(|(_, rule)| asks_for_name(rule));
        let part = |rule: &Rule| answerable_part(rule, whom, table);
        let rules: Vec<_> = rules.iter().map(part).collect();
        Self { index: Index::new(&rules), rules, sure, named: named.map(|(index, _)| index) }
    }

    fn rule(&self, facts: &Facts<'_>, derived: &Derived) -> Option<RuleIndex> {
        // No risk is known: rules that ask for one have lost that matcher.
        let rule =
            self.index.first_match(&self.rules, facts, &Derived { risk_score: 0, ..*derived })?;
        let is_named = facts.hostname.is_some() || self.named.is_none_or(|named| rule < named);
        (is_named && self.sure[usize::from(rule.0)]).then_some(rule)
    }
}

/// Whether the rule says that it decides early, and asks nothing that cannot be answered then.
fn is_answerable(rule: &Rule, whom: For) -> bool {
    let of_client = |matchers: &Matchers| {
        asks(matchers.src.as_deref())
            || asks(matchers.any.as_deref())
            || asks(matchers.iface.as_deref())
    };
    let one_answer = whom == For::OneClient || !of_client(&rule.matchers) && !of_client(&rule.not);
    rule.first_packet && one_answer && unanswered(rule).is_none()
}

/// The first key of a rule that decides early that no first packet tells. A name that it must not have is not
/// taken as claimed: the flow's own may be another.
pub(super) fn unanswered(rule: &Rule) -> Option<&'static str> {
    let Rule { matchers, not, .. } = rule;
    let keys = [
        ("flow_category", asks(matchers.flow_category.as_deref())),
        ("ja4", asks(matchers.ja4.as_deref())),
        ("alpn", asks(matchers.alpn.as_deref())),
        ("risk", asks(matchers.risk.as_deref())),
        ("risk_score", matchers.risk_score.is_some()),
        ("incomplete", matchers.incomplete.is_some()),
        ("evasion", asks(matchers.evasion.as_deref())),
        ("not.flow_category", asks(not.flow_category.as_deref())),
        ("not.host", asks(not.host.as_deref())),
        ("not.ja4", asks(not.ja4.as_deref())),
        ("not.alpn", asks(not.alpn.as_deref())),
        ("not.risk", asks(not.risk.as_deref())),
        ("not.risk_score", not.risk_score.is_some()),
        ("not.incomplete", not.incomplete.is_some()),
        ("not.evasion", asks(not.evasion.as_deref())),
    ];
    keys.into_iter().find(|(_, asked)| *asked).map(|(key, _)| key)
}

/// What of a rule a first packet answers, for the flow's own client.
pub(super) fn answered_part(rule: &Rule, table: &CategoryTable) -> Rule {
    answerable_part(rule, For::OneClient, table)
}

/// An empty list is answered: nothing is on it.
fn asks<T>(list: Option<&[T]>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

/// What of a rule can be answered. A rule that says `first_packet = true` takes what is claimed; for
/// others it is no more than a hint that may come out differently.
fn answerable_part(rule: &Rule, whom: For, table: &CategoryTable) -> Rule {
    let mut part = rule.clone();
    if !rule.first_packet {
        loosen_app(&mut part.matchers.app);
        // What is transferred, or the name, may give the flow any category besides its application's.
        drop_list(&mut part.matchers.category);
        loosen_groups(&mut part.matchers.group);
        let kept_out = kept_out(&mut part.not, table);
        if !kept_out.is_empty() {
            part.not.app.get_or_insert_default().extend(kept_out);
        }
        // A pair is kept out only where both are known.
        if let Some(not) = &mut part.not.app {
            not.retain(|pattern| matches!(pattern.value, AppPattern::Either(id) if !carries(id)));
        }
        for matchers in [&mut part.matchers, &mut part.not] {
            drop_list(&mut matchers.host);
            (matchers.confidence, matchers.guessed) = (None, None);
        }
    }
    drop_list(&mut part.not.host);
    for matchers in [&mut part.matchers, &mut part.not] {
        drop_list(&mut matchers.flow_category);
        drop_list(&mut matchers.ja4);
        drop_list(&mut matchers.alpn);
        drop_list(&mut matchers.risk);
        drop_list(&mut matchers.evasion);
        (matchers.risk_score, matchers.incomplete) = (None, None);
        if whom == For::EveryClient {
            drop_list(&mut matchers.src);
            drop_list(&mut matchers.any);
            drop_list(&mut matchers.iface);
        }
    }
    part
}

/// Takes an application for what it may be carried by, too.
fn loosen_app(patterns: &mut Option<Vec<At<AppPattern>>>) {
    let Some(list) = patterns else { return };
    if list.iter().any(|pattern| carries(app_of(pattern.value))) {
        *patterns = None;
        return;
    }
    for pattern in list {
        pattern.value = AppPattern::Either(app_of(pattern.value));
    }
}

/// Takes a group for what its applications may be carried by, too. One with categories may turn out to
/// hold for any flow.
fn loosen_groups(groups: &mut Option<Vec<At<Arc<Group>>>>) {
    let Some(list) = groups else { return };
    let open = |group: &Group| {
        !group.categories.is_empty() || group.apps.iter().any(|pattern| carries(app_of(*pattern)))
    };
    if list.iter().any(|at| open(&at.value)) {
        *groups = None;
        return;
    }
    for at in list {
        for pattern in &mut Arc::make_mut(&mut at.value).apps {
            *pattern = AppPattern::Either(app_of(*pattern));
        }
    }
}

fn app_of(pattern: AppPattern) -> u16 {
    match pattern {
        AppPattern::Either(id) => id,
        AppPattern::Pair(pair) => pair.app,
    }
}

/// The applications that categories and groups keep out whatever their flow turns out to be, in their place.
fn kept_out(not: &mut Matchers, table: &CategoryTable) -> Vec<At<AppPattern>> {
    let mut apps = Vec::new();
    for At { value, place } in not.category.take().into_iter().flatten() {
        apps.extend(members(value, table).map(|value| At { value, place }));
    }
    for At { value: group, place } in not.group.take().into_iter().flatten() {
        let of_categories = group.categories.iter().flat_map(|category| members(*category, table));
        let all = group.apps.iter().copied().chain(of_categories);
        apps.extend(all.map(|value| At { value, place }));
    }
    apps
}

/// The applications that are of a category whatever their flow turns out to be.
fn members(category: CategoryId, table: &CategoryTable) -> impl Iterator<Item = AppPattern> {
    let members = table.members(category).into_iter().filter(|id| !is_mere_carrier(*id));
    members.map(AppPattern::Either)
}

fn drop_list<T>(list: &mut Option<Vec<T>>) {
    if asks(list.as_deref()) {
        *list = None;
    }
}
