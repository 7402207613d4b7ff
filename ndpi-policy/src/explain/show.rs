//! Explanations as people and programs read them.

use std::fmt::Write as _;

use ndpi_text::shown;
use serde_json::{Value, json};

use super::{Explanation, Hit, Miss};
use crate::confidence::Rank;
use crate::decide::Policy;
use crate::diagnose::Place;
use crate::facts::{Decision, Facts, RuleIndex};
use crate::proto;
use crate::vocabulary::Vocabulary;

/// Longest entry of a rule that is shown whole, in characters.
const LONGEST: usize = 60;

impl Explanation {
    /// A line for each rule up to the one that matched, and one for the verdict.
    pub fn to_text(&self, policy: &Policy, facts: &Facts<'_>, names: &Vocabulary) -> String {
        let facts = &policy.timed(facts);
        let mut text = format!("flow: {}\n", describe(policy, facts, names));
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        for (index, miss) in &self.misses {
            let reason = miss.reason((policy, *index), facts, names);
            let _ = writeln!(text, "{}: no, {reason}", rule(policy, *index));
        }
        if let Some((index, hits)) = &self.hit {
            let _ = writeln!(text, "{}: matches{}", rule(policy, *index), by(policy, hits));
        }
        let _ = write!(text, "verdict: {}", self.verdict(policy, facts));
        text
    }

    /// The same as a JSON object.
    pub fn to_json(&self, policy: &Policy, facts: &Facts<'_>, names: &Vocabulary) -> Value {
        let facts = &policy.timed(facts);
        let misses = self.misses.iter().map(|(index, miss)| {
            let key = if miss.negated { format!("not.{}", miss.key) } else { miss.key.to_owned() };
            json!({
                "rule": policy.rule(*index).name,
                "at": at(policy, policy.rule(*index).place),
                "matcher": key,
                "reason": miss.reason((policy, *index), facts, names),
            })
        });
        let hit = self.hit.as_ref().map(|(index, hits)| {
            json!({
                "rule": policy.rule(*index).name,
                "at": at(policy, policy.rule(*index).place),
                "matchers": hits.iter().map(|hit| hit.key).collect::<Vec<_>>(),
            })
        });
        json!({
            "flow": describe(policy, facts, names),
            "time": facts.time.to_string(),
            "notes": self.notes,
            "missed": misses.collect::<Vec<_>>(),
            "matched": hit,
            "action": self.decision.map(|decision| decision.action.name()),
            "verdict": self.verdict(policy, facts),
        })
    }

    fn verdict(&self, policy: &Policy, facts: &Facts<'_>) -> String {
        let state = facts.classification.state;
        match (self.decision, &self.hit) {
            (Some(Decision { action, rule: Some(_) }), _) => action.name().to_owned(),
            (Some(Decision { action, rule: None }), _) => {
                let (_, setting) = policy.rest(facts);
                format!("{} (`{setting}`: no rule matches)", action.name())
            }
            (None, Some((index, _)))
                if state == ndpi_labels::State::Partial && !policy.rule(*index).partial =>
            {
                "none yet: the rule waits for nDPI's final word (no `state = \"partial\"`)".into()
            }
            (None, Some((index, _)))
                if state == ndpi_labels::State::Inspecting && policy.rule(*index).first_packet =>
            {
                "none yet: the rule, or one before it, asks what the first packet does not tell"
                    .into()
            }
            (None, _) => "none yet: nDPI looks at more packets".into(),
        }
    }
}

impl Miss {
    fn reason(
        &self,
        (policy, rule): (&Policy, RuleIndex),
        facts: &Facts<'_>,
        names: &Vocabulary,
    ) -> String {
        let key = self.key;
        let rule = policy.rule(rule);
        let schedule = if self.negated { &rule.not.schedule } else { &rule.matchers.schedule };
        let seen = match (key, schedule) {
            ("group", _) => groups(policy, facts),
            ("schedule", Some(schedule)) => schedule.value.civil(facts.time),
            _ => seen(key, facts, names, policy.risk_score(facts)),
        };
        let entries: Vec<_> = self.entries.iter().map(|place| source(policy, *place)).collect();
        let entries = entries.join(", ");
        if self.negated {
            return format!("`not.{key}` excludes {entries}; the flow has {seen}");
        }
        let more = if self.more > 0 { format!(" and {} more", self.more) } else { String::new() };
        match entries.as_str() {
            "" => format!("`{key}` is an empty list; the flow has {seen}"),
            _ => format!("`{key}` asks for {entries}{more}; the flow has {seen}"),
        }
    }
}

fn rule(policy: &Policy, index: RuleIndex) -> String {
    let rule = policy.rule(index);
    format!("rule {} {:?} at {}", index.0 + 1, rule.name, at(policy, rule.place))
}

fn by(policy: &Policy, hits: &[Hit]) -> String {
    if hits.is_empty() {
        return " every flow".to_owned();
    }
    let hits = hits.iter().map(|hit| {
        let file = policy.diagnostics().path(hit.entry.source);
        let listed = if hit.entry.source.0 == 0 {
            String::new()
        } else {
            let (line, _) = policy.diagnostics().line_column(hit.entry);
            format!(" ({}:{line})", shown(file))
        };
        format!("`{}` by {}{listed}", hit.key, source(policy, hit.entry))
    });
    format!(": {}", hits.collect::<Vec<_>>().join(", "))
}

/// `policy.toml:12`.
fn at(policy: &Policy, place: Place) -> String {
    let (line, _) = policy.diagnostics().line_column(place);
    format!("{}:{line}", shown(policy.diagnostics().path(place.source)))
}

/// An entry as it was written, on one line.
fn source(policy: &Policy, place: Place) -> String {
    let text = policy.diagnostics().text(place.source);
    let text = text.get(place.start as usize..place.end as usize).unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

fn describe(policy: &Policy, facts: &Facts<'_>, names: &Vocabulary) -> String {
    let mut parts = vec![seen("app", facts, names, 0)];
    parts.push(format!("category {}", seen("category", facts, names, 0)));
    parts.extend(facts.hostname.map(|host| format!("host {host}")));
    let (client, server) = (endpoint(facts.client), endpoint(facts.server));
    parts.push(format!("{client} to {server}, {}", seen("proto", facts, names, 0)));
    parts.extend(facts.incomplete.then(|| "incomplete".to_owned()));
    parts.extend((!facts.findings.is_empty()).then(|| format!("found {}", facts.findings)));
    parts.push(facts.classification.state.name().to_owned());
    // Only schedules ask for the time.
    parts.extend(policy.has_schedules().then(|| format!("at {:.0}", facts.time)));
    parts.join(", ")
}

fn endpoint((ip, port): (std::net::IpAddr, u16)) -> String {
    if port == 0 { ip.to_string() } else { std::net::SocketAddr::new(ip, port).to_string() }
}

/// The groups that a flow belongs to.
fn groups(policy: &Policy, facts: &Facts<'_>) -> String {
    let categories = policy.derived(facts).categories;
    let app = facts.classification.app;
    let its = policy.groups().iter().filter(|group| group.matches(app, categories));
    let names: Vec<_> = its.map(|group| group.name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" and ") }
}

/// The flow's category, and those that it counts to besides.
fn categories(said: &ndpi_labels::Classification, names: &Vocabulary) -> String {
    let all = names.app_categories.of_flow(said.app, said.category);
    let mut shown: Vec<&str> = Vec::new();
    for name in all.iter().filter_map(|category| names.categories.name(category.0)) {
        if !shown.contains(&name) {
            shown.push(name);
        }
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(" and ") }
}

/// What a flow has where a matcher looks.
fn seen(key: &str, facts: &Facts<'_>, names: &Vocabulary, risk_score: u16) -> String {
    let said = facts.classification;
    let or_none = |text: Option<&str>| text.unwrap_or("none").to_owned();
    match key {
        "app" => names.app_name(said.app),
        "category" => categories(said, names),
        "flow_category" => or_none(names.categories.name(said.category.0)),
        "breed" => or_none(names.breeds.name(said.breed.0.into())),
        "risk" => {
            let risks = said.risks.iter().filter_map(|risk| names.risks.name(risk.into()));
            let risks = risks.collect::<Vec<_>>().join(", ");
            if risks.is_empty() { "none".to_owned() } else { risks }
        }
        "risk_score" => risk_score.to_string(),
        "host" => or_none(facts.hostname),
        "ja4" => or_none(facts.ja4),
        "alpn" => or_none(facts.alpn),
        "src" => facts.client.0.to_string(),
        "dst" => facts.server.0.to_string(),
        "any" => format!("{} and {}", facts.client.0, facts.server.0),
        "port" => facts.server.1.to_string(),
        "proto" => proto::show(facts.proto),
        "vlan" => facts.vlan.to_string(),
        "iface" => or_none(facts.iface),
        "confidence" => Rank::from(said.confidence).word().to_owned(),
        "guessed" => said.guessed.to_string(),
        "evasion" if facts.findings.is_empty() => "none".to_owned(),
        "evasion" => facts.findings.to_string(),
        "incomplete" => facts.incomplete.to_string(),
        _ => facts.time.to_string(),
    }
}
