//! Finding the first rule that matches without trying each.
//!
//! For every matcher there is a look-up from the flow's value to the set of rules that take it. A
//! decision starts with all rules and narrows them matcher by matcher; the first rule left is the
//! one. The cost depends on the kinds of matchers in use and hardly on the number of rules, names
//! and networks.

mod apps;
mod clause;
mod exact;
mod groups;
mod hosts;
mod lookups;
mod ranges;
mod sets;

use self::lookups::{Lookups, ip_of};
use crate::confidence::Rank;
use crate::facts::{Derived, Facts, RuleIndex};
use crate::host::normalise;
use crate::rule::{MAX_RULES, Rule};
use crate::schedule::minute_of_week;

/// Look-ups over all rules of a policy.
#[derive(Debug)]
pub(super) struct Index {
    count: usize,
    lookups: Lookups,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        Self { count: rules.len(), lookups: Lookups::new(rules) }
    }

    /// The first of `rules` (those the index was made of) that matches.
    pub(super) fn first_match(
        &self,
        rules: &[Rule],
        facts: &Facts<'_>,
        derived: &Derived,
    ) -> Option<RuleIndex> {
        self.first_match_of(rules, facts, derived, |_| true)
    }

    /// The first that matches of those that are `wanted`.
    pub(super) fn first_match_of(
        &self,
        rules: &[Rule],
        facts: &Facts<'_>,
        derived: &Derived,
        wanted: impl Fn(RuleIndex) -> bool,
    ) -> Option<RuleIndex> {
        let mut buffer = [0; MAX_RULES / 64];
        let candidates = &mut buffer[..self.count.div_ceil(64)];
        self.all(candidates);
        self.narrow(candidates, facts, derived);
        let mut clock = Clock { facts, cached: None };
        sets::members(candidates)
            .find(|rule| {
                wanted(RuleIndex(*rule)) && clock.schedule_holds(&rules[usize::from(*rule)])
            })
            .map(RuleIndex)
    }

    fn all(&self, candidates: &mut [u64]) {
        candidates.fill(u64::MAX);
        if let (Some(last), left @ 1..) = (candidates.last_mut(), self.count % 64) {
            *last = (1 << left) - 1;
        }
    }

    fn narrow(&self, candidates: &mut [u64], facts: &Facts<'_>, derived: &Derived) {
        let by = &self.lookups;
        let said = facts.classification;
        let (client, server) = (ip_of(facts.client.0), ip_of(facts.server.0));
        by.app.narrow(candidates, |sets, union| apps::add_app(sets, said.app, union));
        by.category.narrow(candidates, |sets, union| {
            for category in derived.categories.iter() {
                sets.add_to(&category, union);
            }
        });
        by.group.narrow(candidates, |sets, union| sets.add_to(said.app, derived.categories, union));
        by.flow_category.narrow(candidates, |sets, union| sets.add_to(&said.category, union));
        by.host.narrow(candidates, |sets, union| {
            if let Some(host) = facts.hostname {
                sets.add_to(&normalise(host), union);
            }
        });
        by.src.narrow(candidates, |sets, union| sets.add_to(client, union));
        by.dst.narrow(candidates, |sets, union| sets.add_to(server, union));
        by.any.narrow(candidates, |sets, union| {
            sets.add_to(client, union);
            sets.add_to(server, union);
        });
        by.port.narrow(candidates, |sets, union| sets.add_to(facts.server.1, union));
        by.proto.narrow(candidates, |sets, union| sets.add_to(&facts.proto, union));
        by.vlan.narrow(candidates, |sets, union| sets.add_to(facts.vlan, union));
        by.iface.narrow(candidates, |sets, union| {
            if let Some(iface) = facts.iface {
                sets.add_to(iface, union);
            }
        });
        by.breed.narrow(candidates, |sets, union| sets.add_to(&said.breed, union));
        by.risk.narrow(candidates, |sets, union| {
            for risk in said.risks.iter() {
                sets.add_to(&risk, union);
            }
        });
        by.risk_score.narrow(candidates, |sets, union| sets.add_to(derived.risk_score, union));
        by.ja4.narrow(candidates, |sets, union| {
            if let Some(ja4) = facts.ja4 {
                sets.add_to(ja4, union);
            }
        });
        by.alpn.narrow(candidates, |sets, union| {
            for alpn in facts.alpns() {
                sets.add_to(alpn, union);
            }
        });
        let rank = Rank::from(said.confidence).0;
        by.confidence.narrow(candidates, |sets, union| sets.add_to(rank, union));
        by.guessed.narrow(candidates, |sets, union| sets.add_to(&said.guessed, union));
        by.incomplete.narrow(candidates, |sets, union| sets.add_to(&facts.incomplete, union));
        by.evasion.narrow(candidates, |sets, union| {
            for finding in facts.findings.iter() {
                sets.add_to(&finding, union);
            }
        });
    }
}

/// The flow's moment as a minute of the week, converted once for each zone in a row.
struct Clock<'a> {
    facts: &'a Facts<'a>,
    cached: Option<(&'a jiff::tz::TimeZone, usize)>,
}

impl<'a> Clock<'a> {
    fn schedule_holds(&mut self, rule: &'a Rule) -> bool {
        let wanted = rule.matchers.schedule.as_ref();
        let refused = rule.not.schedule.as_ref();
        wanted.is_none_or(|at| at.value.holds_in(self.minute(at.value.zone())))
            && refused.is_none_or(|at| !at.value.holds_in(self.minute(at.value.zone())))
    }

    fn minute(&mut self, zone: &'a jiff::tz::TimeZone) -> usize {
        match self.cached {
            Some((known, minute)) if known == zone => minute,
            _ => {
                let minute = minute_of_week(zone, self.facts.time);
                self.cached = Some((zone, minute));
                minute
            }
        }
    }
}
