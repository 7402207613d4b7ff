//! Names of hosts of which nDPI keeps only the end: what is read beside it has all.

use std::borrow::Cow;

use ndpi_text::clean;

use super::detector::{Detector, DnsAnswer};
use crate::flow::{Details, FlowEntry, RuleTexts};
use crate::normalise::Receiver;

/// The least that nDPI keeps of a longer name: of HTTP's it takes the port off what it has kept.
const LEAST_KEPT: usize = 79 - ":65535".len();

/// The texts that rules ask for.
pub(super) fn rule_texts<'f, D: Detector>(
    detector: &D,
    flow: &'f FlowEntry<D::Flow>,
    state: &'f D::Flow,
) -> RuleTexts<'f> {
    let texts = detector.rule_texts(state);
    match texts.hostname().and_then(|known| whole_name(flow, known)) {
        Some(name) => texts.with_hostname(name),
        None => texts,
    }
}

/// The texts that are kept.
pub(super) fn details<D: Detector>(
    detector: &D,
    flow: &FlowEntry<D::Flow>,
    state: &D::Flow,
) -> Details {
    let details = detector.details(state);
    match details.hostname().and_then(|known| whole_name(flow, known)) {
        Some(name) => details.with_hostname(&name),
        None => details,
    }
}

/// What a DNS answer says.
pub(super) fn dns_answer<D: Detector>(
    detector: &D,
    flow: &FlowEntry<D::Flow>,
    state: &D::Flow,
) -> Option<DnsAnswer> {
    let mut answer = detector.dns_answer(state)?;
    if let Some(name) = whole_name(flow, &answer.name) {
        answer.name = name.into_owned();
    }
    Some(answer)
}

/// The name of which nDPI has kept `known`, if that may be less than all, and is.
fn whole_name<'f, F>(flow: &'f FlowEntry<F>, known: &str) -> Option<Cow<'f, str>> {
    if known.len() < LEAST_KEPT {
        return None;
    }
    let is_more = |name: &str| name.len() > known.len() && ends_with(name, known);
    let said = flow.receiver.as_ref().and_then(Receiver::long_name).map(clean);
    if let Some(name) = said.filter(|name| is_more(name)) {
        return Some(name);
    }
    let mut asked = flow.questions.iter().flat_map(|questions| questions.names());
    asked.find(|name| is_more(&clean(name))).map(|name| clean(&name).into_owned().into())
}

/// Whether a name ends like this, in upper or lower case.
fn ends_with(name: &str, end: &str) -> bool {
    let (name, end) = (name.as_bytes(), end.as_bytes());
    name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
}
