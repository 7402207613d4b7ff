//! A detector that is shown a TCP handshake together with the first packet behind it.
//!
//! A handshake names nothing, and what is only scanned for never gets further: such a flow costs no state of nDPI,
//! and where nDPI is in another process, one question is asked instead of four. nDPI sees the same packets in the
//! same order, with their own times.

use ndpi::Classification;
use ndpi_common::parse::{self, Captured, Fragment, Options, proto};

use super::detector::{Detector, DnsAnswer, Packet};
use crate::flow::{Details, RuleTexts};

/// Packets that wait at most: SYN, SYN+ACK and ACK, and one that was sent twice.
const WAITING: usize = 4;
/// The longest that waits: the headers of IPv6 and TCP with all their options.
const LONGEST: usize = 40 + 60;

/// Shows handshakes to `D` with what comes behind them.
#[derive(Clone, Copy, Debug)]
pub struct Deferring<D>(pub D);

/// A flow's state, which is there from the first packet on that does not wait.
#[derive(Debug)]
pub struct Deferred<F> {
    state: Option<F>,
    waiting: Option<Box<Handshake>>,
}

/// Packets of a handshake, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    bytes: Vec<u8>,
    /// Where each ends, and when it came.
    packets: Vec<(usize, u64)>,
}

impl Handshake {
    fn add(&mut self, packet: Packet<'_>) {
        self.bytes.extend_from_slice(packet.l3);
        self.packets.push((self.bytes.len(), packet.time_ms));
    }

    fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        let mut begin = 0;
        self.packets.iter().map(move |&(end, time_ms)| {
            let l3 = &self.bytes[begin..end];
            begin = end;
            Packet { l3, time_ms }
        })
    }
}

impl<F> Deferred<F> {
    /// Keeps a packet of a handshake until something else comes; whether it does.
    fn puts_off(&mut self, packet: Packet<'_>) -> bool {
        let is_room = self.waiting.as_ref().is_none_or(|it| it.packets.len() < WAITING);
        let waits = self.state.is_none() && is_room && may_wait(packet.l3);
        if waits {
            self.waiting.get_or_insert_default().add(packet);
        }
        waits
    }
}

impl<D: Detector> Deferring<D> {
    /// Has `look` look at what has waited and at `last`.
    fn look(
        &self,
        flow: &mut Deferred<D::Flow>,
        last: Option<Packet<'_>>,
        look: impl FnOnce(&D, &mut D::Flow, &[Packet<'_>]) -> Classification,
    ) -> Classification {
        let state = flow.state.get_or_insert_with(|| self.0.open());
        let Some(waiting) = flow.waiting.take() else {
            return look(&self.0, state, last.as_slice());
        };
        let packets: Vec<_> = waiting.packets().chain(last).collect();
        look(&self.0, state, &packets)
    }
}

/// Whether a packet from the IP header on is a TCP segment without payload, and no longer than one may be that waits.
fn may_wait(l3: &[u8]) -> bool {
    let Ok(wire_len) = u32::try_from(l3.len()) else { return false };
    let frame = Captured { bytes: l3, wire_len };
    l3.len() <= LONGEST
        && parse::from_ip(&frame, 0, Options::LENIENT).is_ok_and(|packet| {
            let is_whole = matches!(packet.fragment, Fragment::Whole { .. });
            is_whole && packet.key.proto() == proto::TCP && !packet.has_payload()
        })
}

impl<D: Detector> Detector for Deferring<D> {
    type Flow = Deferred<D::Flow>;

    fn open(&self) -> Deferred<D::Flow> {
        Deferred { state: None, waiting: None }
    }

    fn inspect(&self, flow: &mut Deferred<D::Flow>, l3: &[u8], time_ms: u64) -> Classification {
        let packet = Packet { l3, time_ms };
        if flow.puts_off(packet) {
            return Classification::default();
        }
        self.look(flow, Some(packet), D::inspect_all)
    }

    fn show(&self, flow: &mut Deferred<D::Flow>, packet: Packet<'_>) -> Option<Classification> {
        if flow.puts_off(packet) {
            return Some(Classification::default());
        }
        let state = flow.state.get_or_insert_with(|| self.0.open());
        for before in flow.waiting.take().iter().flat_map(|waiting| waiting.packets()) {
            let said = self.0.show(state, before);
            if said.is_some_and(|said| said.state.is_final()) {
                return said;
            }
        }
        self.0.show(state, packet)
    }

    fn asks_later(&self) -> bool {
        self.0.asks_later()
    }

    fn hear(&self, flow: &mut Deferred<D::Flow>) -> Classification {
        flow.state.as_mut().map(|state| self.0.hear(state)).unwrap_or_default()
    }

    fn classification(&self, flow: &Deferred<D::Flow>) -> Classification {
        flow.state.as_ref().map(|state| self.0.classification(state)).unwrap_or_default()
    }

    fn give_up(&self, flow: &mut Deferred<D::Flow>) -> Classification {
        self.look(flow, None, D::give_up_after)
    }

    fn rule_texts<'f>(&self, flow: &'f Deferred<D::Flow>) -> RuleTexts<'f> {
        let texts = flow.state.as_ref().map(|state| self.0.rule_texts(state));
        texts.unwrap_or_else(|| RuleTexts::new(None, None, None))
    }

    fn details(&self, flow: &Deferred<D::Flow>) -> Details {
        flow.state.as_ref().map(|state| self.0.details(state)).unwrap_or_default()
    }

    fn by_name(&self, said: &Classification, flow: &Deferred<D::Flow>) -> Option<Classification> {
        self.0.by_name(said, flow.state.as_ref()?)
    }

    fn by_host(&self, said: &Classification, host: &str) -> Classification {
        self.0.by_host(said, host)
    }

    fn first_packet(&self, flow: &mut Deferred<D::Flow>) -> Option<Classification> {
        if flow.waiting.is_some() {
            self.look(flow, None, D::inspect_all);
        }
        self.0.first_packet(flow.state.as_mut()?)
    }

    fn dns_answer(&self, flow: &Deferred<D::Flow>) -> Option<DnsAnswer> {
        self.0.dns_answer(flow.state.as_ref()?)
    }

    fn rest(&self) {
        self.0.rest();
    }
}
