//! Lessons: a decided flow's facts about its server.

use std::net::IpAddr;

use ndpi_common::parse::proto;
use ndpi_common::{Direction, ServerKey};
use ndpi_labels::Finding;
use ndpi_policy::{Policy, RuleIndex};

use super::hint::{Basis, Known};
use crate::flow::FlowEntry;
use crate::sample::tcp;

/// What a flow says of its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// The server.
    pub server: ServerKey,
    /// What it is.
    pub known: Known,
    /// Who says so.
    pub client: IpAddr,
}

/// What is to be remembered of the server of a flow that was just decided: nothing unless a rule that
/// acts on first packets did it. A flow's content counts only once its server has answered: a packet
/// with a forged source can name any server, but has no answers. And only where it has one reading: a forged
/// segment may be the other one.
pub(crate) fn lesson<F>(flow: &FlowEntry<F>, policy: &Policy) -> Option<Lesson> {
    let decided = flow.decided()?;
    let rule = RuleIndex(decided.verdict?.rule?);
    let server = policy.decides_early(rule).then(|| server_of(flow))??;
    let known = Known::by(decided)?;
    let is_clear = flow.server_spoke && !flow.findings.contains(Finding::Ambiguous);
    let is_credible = known.basis != Basis::Flow || is_clear;
    let client = flow.endpoints().0.0;
    is_credible.then_some(Lesson { server, known, client })
}

/// The server of a flow, where it is known which end that is, so that it may be remembered. A flow
/// whose beginning was missed may have been seen from the wrong end, and its "server" be a client's
/// port of the moment.
pub(super) fn server_of<F>(flow: &FlowEntry<F>) -> Option<ServerKey> {
    let ((_, client_port), (_, server_port)) = flow.endpoints();
    let is_known = match flow.key.proto() {
        proto::TCP => {
            let [lower, upper] = flow.tcp_seen;
            let (client, server) = match flow.client {
                Direction::FromLower => (lower, upper),
                Direction::FromUpper => (upper, lower),
            };
            client & tcp::SYN != 0 || tcp::accepts(server)
        }
        // Nothing marks the first datagram; servers listen on the lower port.
        proto::UDP | proto::UDP_LITE => server_port <= client_port,
        _ => false,
    };
    flow.key.server(flow.client).filter(|_| is_known)
}
