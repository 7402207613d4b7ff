//! Flows that were decided by an instance which is gone, as the kernel's maps have them.

use std::sync::Arc;

use ndpi::Classification;
use ndpi_common::Direction;
use ndpi_common::reopen::Opening;

use super::adopted::{Adopted, EarlierRule};
use super::decided::{Decided, DecidedBy};
use super::details::Details;
use super::entry::{FlowEntry, Stage};
use super::looks::Looks;
use super::proof::Proof;
use super::start::Start;
use crate::key::FlowKey;
use crate::verdict::{Action, Verdict};

/// A decided flow of an earlier instance.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read by name")]
pub struct Inherited {
    /// The flow.
    pub key: FlowKey,
    /// Which way its client's packets go.
    pub client: Direction,
    /// TCP flags seen from the lower and from the upper endpoint.
    pub tcp_seen: [u8; 2],
    /// Bits of [`State::at_ingress`](ndpi_common::State::at_ingress).
    pub ingress: u8,
    /// The SYN that opened its connection, if it is known.
    pub opening: Option<Opening>,
    /// The other side of its client was heard.
    pub answered: bool,
    /// Its connection was seen to be one.
    pub proven: bool,
    /// Later requests of its client are shown.
    pub watched: bool,
    /// The interface that saw its first packet; 0 where it is not known.
    pub ifindex: u32,
    /// Its start was not seen, and nothing has named it.
    pub incomplete: bool,
    /// When it was decided, nanoseconds since the Unix epoch.
    pub decided_ns: u64,
    /// When its last packet was seen, likewise.
    pub last_seen_ns: u64,
    /// What nDPI said of it, as far as it is known.
    pub classification: Classification,
    /// What is done with its packets.
    pub action: Action,
    /// What decided it.
    pub rule: Arc<EarlierRule>,
}

impl Inherited {
    /// The flow. Nobody looks at it again: what names an application is long past.
    pub(crate) fn into_flow<F>(self) -> FlowEntry<F> {
        let verdict = Verdict { action: self.action, rule: Some(Verdict::KEPT) };
        let decided = Decided {
            classification: self.classification,
            details: Details::default(),
            verdict: Some(verdict),
            given_up: false,
            by: DecidedBy::Content,
        };
        let stage = Stage::Decided(decided);
        let mut flow = FlowEntry::empty(self.key, self.client, self.decided_ns, stage);
        (flow.tcp_seen, flow.ingress, flow.opening) = (self.tcp_seen, self.ingress, self.opening);
        (flow.ifindex, flow.start) = (self.ifindex, Start::of_earlier(self.incomplete));
        flow.server_spoke = self.answered;
        flow.proof = Proof::of_earlier(self.proven);
        flow.looks = Looks::used_up();
        flow.hear(self.last_seen_ns, self.last_seen_ns);
        let rests_on_more = self.rule.rests_on_more;
        flow.adopted = Some(Box::new(Adopted { rule: self.rule, rests_on_more }));
        flow
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::KeyV4;

    use super::*;

    #[test]
    fn a_flow_is_as_it_was_left() {
        let key =
            FlowKey::V4(KeyV4::new(([198, 18, 0, 1], 40_000), ([198, 18, 0, 2], 443), 0, 6).0);
        let rule = Arc::new(EarlierRule {
            revision: 3,
            place: Some(7),
            name: Some("no video".into()),
            rests_on_more: true,
            bucket: None,
        });
        let flow: FlowEntry<()> = Inherited {
            key,
            client: Direction::FromUpper,
            tcp_seen: [2, 18],
            ingress: 16,
            opening: None,
            answered: true,
            proven: true,
            watched: false,
            ifindex: 4,
            incomplete: true,
            decided_ns: 5,
            last_seen_ns: 9,
            classification: Classification::default(),
            action: Action::Drop,
            rule: Arc::clone(&rule),
        }
        .into_flow();
        assert_eq!((flow.first_seen_ns, flow.last_seen_ns, flow.ifindex), (5, 9, 4));
        assert_eq!((flow.endpoints().0.1, flow.tcp_seen), (443, [2, 18]));
        assert!(flow.proof.is_given());
        assert!(flow.is_incomplete() && flow.looks.next().is_none());
        assert_eq!(flow.kept_rule(), Some(&*rule));
        assert_eq!(flow.packets(), 0, "the kernel has counted them");
    }
}
