//! Flows that are blocked connections which go on from another port or address.

use ndpi_common::parse::proto;

use super::blocked_connections::BlockedConnections;
use super::sink::{Judge, Moment};
use crate::flow::{Decided, DecidedBy, FlowEntry, RuleTexts};
use crate::normalise::Receiver;
use crate::sample::Sample;

/// Remembers a flow that was decided, if it is a connection that is blocked.
pub(super) fn remember<F>(connections: &BlockedConnections, flow: &FlowEntry<F>) {
    let Some(Receiver::Quic(connection)) = &flow.receiver else { return };
    let Some(decided) = flow.decided() else { return };
    if let Some(id) = connection.server_id()
        && decided.verdict.is_some_and(|verdict| verdict.action.drops())
    {
        let what = (decided.classification, decided.details.clone());
        connections.insert(flow.endpoints().1, id, what);
    }
}

/// What is to be kept of `flow` if `sample` says that it is a connection that was blocked, and the rules still block it.
///
/// Any packet may say so, until the flow is decided: the connection may be blocked only now, by another thread. And in
/// any direction: the rings of two CPUs may bring a server's answer before what it answers, and then the server is taken
/// for the client. Whoever sends to the server of the connection is its client.
pub(super) fn decide_moved<F>(
    connections: &BlockedConnections,
    flow: &mut FlowEntry<F>,
    sample: &Sample,
    rules: &mut impl Judge<F>,
) -> Option<Decided> {
    let may_have_moved =
        !connections.is_empty() && flow.key.proto() == proto::UDP && flow.decided().is_none();
    if !may_have_moved {
        return None;
    }
    let (_, receiver) = flow.key.endpoints(sample.direction);
    let (classification, details) = connections.find(receiver, sample.payload()?)?;
    flow.is_opened_by(sample.direction);
    let verdict = rules.judge(flow, &classification, &RuleTexts::from(&details), Moment::Final);
    let by = DecidedBy::Connection;
    verdict.filter(|verdict| verdict.action.drops()).map(|_| Decided {
        classification,
        details,
        verdict,
        given_up: false,
        by,
    })
}
