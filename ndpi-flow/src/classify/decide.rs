//! Whether a flow is decided by its next packet, or without another.

use ndpi::{Classification, State};
use ndpi_labels::Finding;

use super::detector::Detector;
use super::sink::{Judge, Moment};
use super::whole_names;
use crate::first_packet::{Answer, Questions};
use crate::flow::{Decided, DecidedBy, FlowEntry, RuleTexts, Stage};
use crate::normalise::Receiver;
use crate::sample::Sample;

/// The port that DNS servers listen on.
const DNS: u16 = 53;

/// What is to be kept of `flow` if `classification`, to which `sample` led, decides it.
pub(super) fn decide<D: Detector>(
    detector: &D,
    flow: &mut FlowEntry<D::Flow>,
    classification: Classification,
    sample: &Sample,
    rules: &mut impl Judge<D::Flow>,
) -> Option<Decided> {
    let answer = dns_answer(flow, sample);
    if answer == Some(Answer::Unsolicited) {
        flow.findings.insert(Finding::DnsUnsolicited);
    }
    // Not what is said inside a tunnel, where anybody may have written it.
    let is_answer = answer == Some(Answer::Asked)
        && rules.judges_first_packet()
        && flow.key.tunnel() == 0
        && flow.endpoints().1.1 == DNS;
    if classification.state == State::Partial && flow.partial_at == 0 {
        flow.partial_at = u8::try_from(flow.inspected).unwrap_or(u8::MAX);
    }
    if let Some(decided) = decide_by_finding(detector, flow, classification, rules) {
        return Some(decided);
    }
    let moment = match classification.state {
        State::Classified | State::Monitoring => Moment::Final,
        State::Partial if rules.judges_partial() => Moment::Early,
        State::Partial | State::Inspecting => {
            return decide_early(detector, flow, classification.state, sample, rules);
        }
    };
    let Stage::Undecided(state) = &flow.stage else { return None };
    if is_answer && let Some(dns_answer) = whole_names::dns_answer(detector, flow, state) {
        rules.learn(&dns_answer, sample.time_ns);
    }
    let classification = detector.by_name(&classification, state).unwrap_or(classification);
    let texts = whole_names::rule_texts(detector, flow, state);
    let verdict = rules.judge(flow, &classification, &texts, moment);
    if moment == Moment::Early && verdict.is_none() {
        return decide_early(detector, flow, classification.state, sample, rules);
    }
    let details = whole_names::details(detector, flow, state);
    let by = DecidedBy::Content;
    Some(Decided { classification, details, verdict, given_up: false, by })
}

/// What a packet of a flow with a DNS server is to the questions of its client, if it is an answer. Whoever
/// sends first is taken for the client, so the server is known by its port. Not neighbours that say their own
/// names (mDNS, LLMNR): such servers are nobody's sites.
fn dns_answer<F>(flow: &mut FlowEntry<F>, sample: &Sample) -> Option<Answer> {
    let ((_, client), (_, server)) = flow.endpoints();
    let from_opener = sample.direction == flow.client;
    let from_client = match (client, server) {
        (_, DNS) => from_opener,
        (DNS, _) => !from_opener,
        _ => return None,
    };
    Questions::take(&mut flow.questions, sample, from_client)
}

/// What is to be kept of `flow` if something that was found in it decides, before nDPI has had its last word.
fn decide_by_finding<D: Detector>(
    detector: &D,
    flow: &FlowEntry<D::Flow>,
    classification: Classification,
    rules: &mut impl Judge<D::Flow>,
) -> Option<Decided> {
    let is_time = !classification.state.is_final() && !flow.findings.is_empty();
    if !is_time || !rules.judges_findings() {
        return None;
    }
    let Stage::Undecided(state) = &flow.stage else { return None };
    let texts = whole_names::rule_texts(detector, flow, state);
    let verdict = Some(rules.judge(flow, &classification, &texts, Moment::Finding)?);
    let details = whole_names::details(detector, flow, state);
    let by = DecidedBy::Finding;
    Some(Decided { classification, details, verdict, given_up: false, by })
}

/// What is to be kept of an undecided `flow` when nDPI sees no more of it; `over` says that there is
/// no more of it.
pub(super) fn give_up<D: Detector>(
    detector: &D,
    flow: &mut FlowEntry<D::Flow>,
    rules: &mut impl Judge<D::Flow>,
    over: bool,
) -> Option<Decided> {
    let Stage::Undecided(state) = &mut flow.stage else { return None };
    let before = detector.classification(state).state;
    let classification = Classification { state: before, ..detector.give_up(state) };
    let classification = detector.by_name(&classification, state).unwrap_or(classification);
    let Stage::Undecided(state) = &flow.stage else { return None };
    let details = whole_names::details(detector, flow, state);
    let texts = RuleTexts::from(&details);
    let verdict = rules.judge(flow, &classification, &texts, Moment::Final);
    let by = DecidedBy::Content;
    Some(Decided { classification, details, verdict, given_up: over, by })
}

/// What is to be kept of `flow` if what is claimed of it decides, while nDPI knows nothing, or while
/// the kernel lets nothing through that nDPI could learn more from. What was not claimed at the first
/// packet may be at the second: a DNS answer on another thread takes as long as it takes.
fn decide_early<D: Detector>(
    detector: &D,
    flow: &mut FlowEntry<D::Flow>,
    state_now: State,
    sample: &Sample,
    rules: &mut impl Judge<D::Flow>,
) -> Option<Decided> {
    let is_time = state_now == State::Inspecting || sample.blocked;
    // What is known of a server is less than what a client asks of it.
    let is_named = flow.receiver.as_ref().is_some_and(Receiver::awaits_answer);
    if !is_time || is_named || !rules.judges_first_packet() {
        return None;
    }
    let Stage::Undecided(state) = &mut flow.stage else { return None };
    let said = detector.first_packet(state);
    let hint = rules.hint(flow, said, sample.time_ns)?;
    let texts = RuleTexts::from(&hint.details);
    let verdict = rules.judge(flow, &hint.classification, &texts, Moment::FirstPacket)?;
    Some(Decided {
        classification: Classification { state: state_now, ..hint.classification },
        details: hint.details,
        verdict: Some(verdict),
        given_up: false,
        by: hint.by,
    })
}
