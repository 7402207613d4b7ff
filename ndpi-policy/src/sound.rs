//! Whether what another process has handed over is what reading a policy may come to, as far as anybody relies on it:
//! numbers within their bounds, places within the files, texts that can be shown.

use std::borrow::Cow;
use std::path::Path;

use ndpi_text::{clean, message};

use crate::action::Action;
use crate::diagnose::{Diagnostics, Place, SourceId};
use crate::encoding::{list_text, policy_text};
use crate::load::ReadPolicy;
use crate::rate;
use crate::rule::{At, MAX_RULES, Matchers, Rule};

/// Whether a policy of these files is; cleans what may be shown of it.
pub(crate) fn policy(read: &mut ReadPolicy, file: &dyn Fn(&Path) -> Option<Vec<u8>>) -> bool {
    let ReadPolicy { parsed, diagnostics } = read;
    if !problems(diagnostics, file) || diagnostics.has_errors() || parsed.rules.len() > MAX_RULES {
        return false;
    }
    let is_in_file = |place| diagnostics.has(place);
    parsed.rules.iter_mut().for_each(|rule| replace(&mut rule.name, clean));
    // That of all else is no limit.
    !matches!(parsed.default, Action::Limit(_))
        && parsed.default_place.is_none_or(is_in_file)
        && parsed.rules.iter().all(|it| rule(it, &is_in_file))
}

/// Whether problems of these files are; cleans what they say.
pub(crate) fn problems(
    diagnostics: &mut Diagnostics,
    file: &dyn Fn(&Path) -> Option<Vec<u8>>,
) -> bool {
    for problem in diagnostics.problems_mut() {
        replace(problem.code.to_mut(), clean);
        replace(&mut problem.message, shown);
        problem.help.iter_mut().for_each(|help| replace(help, shown));
        problem.related.iter_mut().for_each(|(_, label)| replace(label, shown));
    }
    diagnostics.complete(|path, source| {
        let text = if source == SourceId(0) { policy_text } else { list_text };
        text(file(path)?).ok()
    })
}

fn shown(text: &str) -> Cow<'_, str> {
    message(text).to_string().into()
}

/// Brings a text into another form, where it has not got it.
fn replace(text: &mut String, form: impl Fn(&str) -> Cow<'_, str>) {
    let other = match form(text) {
        Cow::Borrowed(_) => return,
        Cow::Owned(other) => other,
    };
    *text = other;
}

fn rule(rule: &Rule, is_in_file: &dyn Fn(Place) -> bool) -> bool {
    let bounds = match rule.action {
        Action::Limit(limit) => rate::is_limit(limit.bytes_per_second, limit.burst_bytes),
        Action::Drop | Action::Reject | Action::Count | Action::Bypass => true,
    };
    let matchers = [&rule.matchers, &rule.not];
    bounds
        && [rule.place, rule.named].into_iter().all(is_in_file)
        && matchers.into_iter().all(|it| numbers(it) && places(it, is_in_file))
}

fn numbers(matchers: &Matchers) -> bool {
    let Matchers { port, vlan, confidence, .. } = matchers;
    let ranges = [port, vlan].into_iter().flatten().flatten();
    ranges.map(|at| &at.value).all(|range| range.start() <= range.end())
        && confidence.is_none_or(|at| at.value.exists())
}

/// Whether all places are in the policy's files.
fn places(matchers: &Matchers, is_in_file: &dyn Fn(Place) -> bool) -> bool {
    fn all<'a, T: 'a>(
        values: impl IntoIterator<Item = &'a At<T>>,
        holds: &dyn Fn(Place) -> bool,
    ) -> bool {
        values.into_iter().all(|at| holds(at.place))
    }
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
    let holds = is_in_file;
    all(app.iter().flatten(), holds)
        && all(category.iter().chain(flow_category).flatten(), holds)
        && all(group.iter().flatten(), holds)
        && all(breed.iter().flatten(), holds)
        && all(risk.iter().chain(proto).flatten(), holds)
        && all(risk_score, holds)
        && all(host.iter().flatten(), holds)
        && all(ja4.iter().chain(alpn).chain(iface).flatten(), holds)
        && all(src.iter().chain(dst).chain(any).flatten(), holds)
        && all(port.iter().chain(vlan).flatten(), holds)
        && all(confidence, holds)
        && all(guessed.iter().chain(incomplete), holds)
        && all(evasion.iter().flatten(), holds)
        && all(schedule, holds)
}
