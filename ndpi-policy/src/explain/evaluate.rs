//! Each matcher on its own, by the plainest means.

use crate::confidence::Rank;
use crate::diagnose::Place;
use crate::facts::{Derived, Facts};
use crate::host::normalise;
use crate::rule::{At, Matchers};

/// How many entries of a list that does not match are named.
const NAMED: usize = 3;

/// Whether a matcher holds.
pub(super) enum MatchResult {
    /// It holds, by this entry.
    Held(Place),
    /// None of its entries holds.
    Failed {
        /// The first few of them.
        entries: Vec<Place>,
        /// How many there are besides.
        more: usize,
    },
}

/// Evaluates each matcher that is there, in the order of the documentation.
pub(super) fn evaluate(
    matchers: &Matchers,
    facts: &Facts<'_>,
    derived: &Derived,
) -> impl Iterator<Item = (&'static str, MatchResult)> {
    let Matchers {
        app,
        category,
        flow_category,
        group,
        breed,
        risk,
        risk_score: score,
        host,
        ja4,
        alpn,
        src,
        dst,
        any,
        port,
        proto,
        vlan,
        iface,
        confidence,
        guessed,
        incomplete,
        evasion,
        schedule,
    } = matchers;
    let said = facts.classification;
    let (client, server) = (facts.client.0, facts.server.0);
    let name = facts.hostname.map(normalise);
    let rank = Rank::from(said.confidence);
    let rows = [
        ("app", list(app.as_ref(), |app| app.matches(said.app))),
        ("category", list(category.as_ref(), |category| derived.categories.contains(*category))),
        ("flow_category", list(flow_category.as_ref(), |category| *category == said.category)),
        ("group", list(group.as_ref(), |group| group.matches(said.app, derived.categories))),
        ("breed", list(breed.as_ref(), |breed| *breed == said.breed)),
        ("risk", list(risk.as_ref(), |risk| said.risks.iter().any(|seen| seen == *risk))),
        ("risk_score", one(score.as_ref(), |least| *least <= derived.risk_score)),
        (
            "host",
            list(host.as_ref(), |host| name.as_deref().is_some_and(|name| host.matches(name))),
        ),
        ("ja4", list(ja4.as_ref(), |ja4| facts.ja4 == Some(ja4))),
        ("alpn", list(alpn.as_ref(), |alpn| facts.alpns().any(|seen| seen == alpn))),
        ("src", list(src.as_ref(), |net| net.contains(client))),
        ("dst", list(dst.as_ref(), |net| net.contains(server))),
        ("any", list(any.as_ref(), |net| net.contains(client) || net.contains(server))),
        ("port", list(port.as_ref(), |range| range.contains(&facts.server.1))),
        ("proto", list(proto.as_ref(), |proto| *proto == facts.proto)),
        ("vlan", list(vlan.as_ref(), |range| range.contains(&facts.vlan))),
        ("iface", list(iface.as_ref(), |iface| facts.iface == Some(iface))),
        ("confidence", one(confidence.as_ref(), |least| *least <= rank)),
        ("guessed", one(guessed.as_ref(), |guessed| *guessed == said.guessed)),
        ("incomplete", one(incomplete.as_ref(), |incomplete| *incomplete == facts.incomplete)),
        ("evasion", list(evasion.as_ref(), |asked| asked.intersects(facts.findings))),
        ("schedule", one(schedule.as_ref(), |schedule| schedule.holds(facts.time))),
    ];
    rows.into_iter().filter_map(|(key, result)| Some((key, result?)))
}

fn list<T>(entries: Option<&Vec<At<T>>>, holds: impl Fn(&T) -> bool) -> Option<MatchResult> {
    let entries = entries?;
    Some(match entries.iter().find(|entry| holds(&entry.value)) {
        Some(entry) => MatchResult::Held(entry.place),
        None => MatchResult::Failed {
            entries: entries.iter().take(NAMED).map(|entry| entry.place).collect(),
            more: entries.len().saturating_sub(NAMED),
        },
    })
}

fn one<T>(entry: Option<&At<T>>, holds: impl Fn(&T) -> bool) -> Option<MatchResult> {
    let entry = entry?;
    Some(if holds(&entry.value) {
        MatchResult::Held(entry.place)
    } else {
        MatchResult::Failed { entries: vec![entry.place], more: 0 }
    })
}
