//! Rules that come too late: what they ask for is carried by, or known as, what an earlier rule takes.
//!
//! A typical flow of the rule is made for each carrier, and each earlier rule that does another thing to it
//! is asked whether it takes that.

use std::cell::LazyCell;

use ndpi_labels::AppId;

use super::pairs::{Row, excludes_as_much, leaves_alone, rows, takes_all};
use crate::action::Action;
use crate::app_pattern::AppPattern;
use crate::carrier::may_carry;
use crate::diagnose::{Place, Problem, SourceId};
use crate::host::HostPattern;
use crate::rule::{At, Matchers, Rule};
use crate::vocabulary::Vocabulary;

/// Gives the application of flows to a host, where it is known.
pub type AppOfHost<'a> = &'a dyn Fn(&str) -> Option<AppId>;

/// What carries most flows: its number, and the protocol and port that it has. TLS, QUIC, HTTP.
const CARRIERS: [(u16, u8, u16); 3] = [(TLS, 6, 443), (188, 17, 443), (7, 6, 80)];
const TLS: u16 = 91;

/// Categories whose applications are carried by them, by nDPI's numbers (`ndpi_protocol_category_t`): Media,
/// Web, `SocialNetwork`, Game, Chat, Cloud, Collaborative, Streaming, `SoftwareUpdate`, Music, Video, Shopping,
/// Productivity, `VirtAssistant`, Cybersecurity, `AdultContent`, Advertisement, `ArtifIntelligence`.
const CARRIED: [u16; 18] = [1, 5, 6, 8, 9, 13, 15, 17, 19, 25, 26, 27, 28, 32, 33, 34, 101, 109];

/// How many hosts of a rule are looked at: more come from a list, or are no exception.
const MOST_HOSTS: usize = 64;

/// A flow that a rule is there for.
struct Typical {
    name: String,
    carrier: u16,
    matchers: Matchers,
}

/// Rules that come after one that does another thing to their flows.
pub(super) fn too_late(rules: &[Rule], names: &Vocabulary, app_of: AppOfHost<'_>) -> Vec<Problem> {
    // nDPI is asked for hosts only where a rule stands before that may take them by their application.
    let lazy = |rule| LazyCell::new(move || typical(rule, names, app_of));
    let typical: Vec<_> = rules.iter().map(lazy).collect();
    let mut found: Vec<Option<Problem>> = vec![None; rules.len()];
    let earlier = rules.iter().enumerate().filter(|(_, rule)| rule.matchers.host.is_none());
    for (index, earlier) in earlier {
        let rows = rows(&earlier.matchers, &names.app_categories);
        for (at, later) in rules.iter().enumerate().skip(index + 1) {
            let differs = class(earlier.action) != class(later.action);
            let may = differs && found[at].is_none() && excludes_as_much(earlier, later);
            if may && !typical[at].is_empty() && leaves_alone(&rows, &later.matchers) {
                found[at] = taken(earlier, &rows, later, &typical[at]);
            }
        }
    }
    found.into_iter().flatten().collect()
}

/// What is done to a flow, as far as its user notices.
fn class(action: Action) -> u8 {
    match action {
        Action::Count | Action::Bypass => 0,
        Action::Limit(_) => 1,
        Action::Drop | Action::Reject => 2,
    }
}

fn taken(earlier: &Rule, rows: &[Row<'_>], later: &Rule, typical: &[Typical]) -> Option<Problem> {
    let takes = |it: &&Typical| takes_all(rows, &it.matchers);
    // Who blocks QUIC or HTTP has clients come by TLS: only what is done to that is too late.
    let counts = |it: &&Typical| !earlier.action.blocks() || it.carrier == TLS;
    let first = typical.iter().filter(counts).find(takes)?;
    let of_carrier = |it: &&Typical| it.carrier == first.carrier;
    let named = later.matchers.app.is_some() || later.matchers.host.is_some();
    if !named && !typical.iter().filter(of_carrier).all(|it| takes(&it)) {
        return None;
    }
    let (before, after) = (&earlier.name, &later.name);
    let message =
        format!("{after:?} comes too late for {}: {before:?} takes it before", first.name);
    let help = format!("move {after:?} before {before:?}: the first rule that matches decides");
    let problem = Problem::hint("too-late", later.place, message).help(help);
    Some(problem.related(earlier.place, "takes such flows"))
}

/// A flow by each carrier for each application or host that a rule is there for.
fn typical(rule: &Rule, names: &Vocabulary, app_of: AppOfHost<'_>) -> Vec<Typical> {
    let asked = &rule.matchers;
    let mut all = Vec::new();
    for (carrier, proto, port) in CARRIERS {
        let by_port = asked.port.iter().flatten().any(|it| it.value.contains(&port));
        let by_proto = asked.proto.iter().flatten().any(|it| it.value == proto);
        if (asked.port.is_some() && !by_port) || (asked.proto.is_some() && !by_proto) {
            continue;
        }
        let transport = |matchers: Matchers| Matchers {
            port: Some(vec![here(rule, port..=port)]),
            proto: Some(vec![here(rule, proto)]),
            ..matchers
        };
        let found = by_host(rule, carrier, names, app_of);
        let found = found.unwrap_or_else(|| by_app(rule, carrier, names));
        all.extend(found.into_iter().map(|(name, matchers)| Typical {
            name,
            carrier,
            matchers: transport(matchers),
        }));
    }
    all
}

/// Flows to the hosts that a rule names itself.
fn by_host(
    rule: &Rule,
    carrier: u16,
    names: &Vocabulary,
    app_of: AppOfHost<'_>,
) -> Option<Vec<(String, Matchers)>> {
    let hosts = rule.matchers.host.as_deref()?;
    let written = |at: &&At<HostPattern>| at.place.source == SourceId(0);
    let flow = |at: &At<HostPattern>| {
        let name = at.value.name();
        let app = AppId { master: carrier, app: app_of(name).map_or(0, |it| it.app) };
        let said = match app.app {
            0 => format!("{name} by {}", names.app_name(app)),
            _ => format!("{name}, which nDPI knows as {}", names.app_name(app)),
        };
        let host = Some(vec![at.clone()]);
        (said, Matchers { host, ..flow_of(rule, app, names) })
    };
    Some(hosts.iter().filter(written).take(MOST_HOSTS).map(flow).collect())
}

/// Flows of the applications that a rule names, by itself or by its groups; or just of the carrier, where it
/// asks for what is carried otherwise.
fn by_app(rule: &Rule, carrier: u16, names: &Vocabulary) -> Vec<(String, Matchers)> {
    let asked = &rule.matchers;
    let by_group = asked.group.iter().flatten().flat_map(|at| &at.value.apps).copied();
    let by_name = asked.app.iter().flatten().map(|at| at.value);
    let apps: Vec<_> = if asked.app.is_some() { by_name.collect() } else { by_group.collect() };
    let carried = |id: u16| {
        let category = names.app_categories.get(id);
        !may_carry(id) && category.is_some_and(|it| CARRIED.contains(&it.0))
    };
    let flow = |pattern: AppPattern| match pattern {
        AppPattern::Either(id) if carried(id) => Some(AppId { master: carrier, app: id }),
        _ => None,
    };
    let unnamed = asked.app.is_none() && asked.group.is_none() && asks_inside(asked);
    let unnamed = unnamed.then_some(AppId { master: carrier, app: 0 });
    let apps = apps.into_iter().filter_map(flow).chain(unnamed);
    apps.map(|app| (names.app_name(app), flow_of(rule, app, names))).collect()
}

/// Whether a rule without an application asks for what is carried.
fn asks_inside(asked: &Matchers) -> bool {
    let categories = asked.category.iter().chain(&asked.flow_category).flatten();
    let carried = categories.into_iter().any(|it| CARRIED.contains(&it.value.0));
    carried || asked.breed.is_some() || asked.ja4.is_some() || asked.alpn.is_some()
}

/// What a rule asks of a flow, with the application. Of host names, nothing.
fn flow_of(rule: &Rule, app: AppId, names: &Vocabulary) -> Matchers {
    let asked = &rule.matchers;
    let breed = names.app_breeds.get(&app.app).map(|it| vec![here(rule, *it)]);
    Matchers {
        app: Some(vec![here(rule, AppPattern::Pair(app))]),
        breed: asked.breed.clone().or(breed),
        host: None,
        category: asked.category.clone(),
        flow_category: asked.flow_category.clone(),
        group: asked.group.clone(),
        risk: asked.risk.clone(),
        risk_score: asked.risk_score,
        ja4: asked.ja4.clone(),
        alpn: asked.alpn.clone(),
        src: asked.src.clone(),
        dst: asked.dst.clone(),
        any: asked.any.clone(),
        port: None,
        proto: None,
        vlan: asked.vlan.clone(),
        iface: asked.iface.clone(),
        confidence: asked.confidence,
        guessed: asked.guessed,
        incomplete: asked.incomplete,
        evasion: asked.evasion.clone(),
        schedule: asked.schedule.clone(),
    }
}

fn here<T>(rule: &Rule, value: T) -> At<T> {
    At { value, place: Place { ..rule.place } }
}
