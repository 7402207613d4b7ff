//! Whether a flow was seen from its start.
//!
//! What names an application comes first in a flow: the hello of TLS, the Initial of QUIC, the request
//! of HTTP. Where that was lost, or went by before the program ran, nDPI names the carrier alone, or
//! guesses: such a flow looks like one that has no name.

use ndpi::{AppId, Classification};
use ndpi_common::parse::proto;
use ndpi_policy::carries;

use crate::key::FlowKey;
use crate::sample::{Sample, tcp};

/// QUIC's number.
const QUIC: u16 = 188;
/// The bit of a QUIC packet's first byte that says that it has a long header (RFC 9000, section 17.2),
/// as all packets have that open a connection.
const LONG_HEADER: u8 = 0x80;

/// What was seen of the start of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// A packet with payload was looked at.
    heard: bool,
    /// The first of them was not the flow's first, or one was lost later.
    missed: bool,
    /// None was seen that opens a QUIC connection, whether it is one or not.
    not_quic: bool,
}

impl Start {
    /// Of a flow of an earlier instance, of which only that is known.
    pub(super) fn of_earlier(incomplete: bool) -> Self {
        Self { missed: incomplete, ..Self::default() }
    }

    /// Notes a packet of the flow that nDPI looks at; `tcp_seen` are the TCP flags of both ends so far.
    /// Where every packet is seen here, `all` is set.
    pub fn note(&mut self, key: &FlowKey, tcp_seen: [u8; 2], sample: &Sample, all: bool) {
        self.missed |= sample.loss;
        if self.heard || sample.empty {
            return;
        }
        self.heard = true;
        let flags = tcp_seen[0] | tcp_seen[1];
        // Without flags, its header was not captured.
        let no_syn = key.proto() == proto::TCP && flags != 0 && flags & tcp::SYN == 0;
        self.missed |= sample.under_way || all && no_syn;
        self.not_quic = first_payload_byte(sample.l3).is_none_or(|byte| byte & LONG_HEADER == 0);
    }

    /// Notes that what would have named its application was cut.
    pub(crate) fn note_cut(&mut self) {
        self.missed = true;
    }

    /// Notes whether a packet was seen that opens the flow's QUIC connection.
    pub(crate) fn note_quic(&mut self, opening_seen: bool) {
        self.not_quic = !opening_seen;
    }

    /// Whether a flow with this start lacks what would have named its application; `hostname` is the host
    /// name that was seen in it.
    pub fn is_incomplete(self, said: &Classification, hostname: Option<&str>) -> bool {
        let app = said.app;
        let is_quic = app.app == QUIC || app.master == QUIC;
        let missed = self.missed || self.heard && is_quic && self.not_quic;
        missed && hostname.is_none() && (said.guessed || is_bare(app))
    }
}

/// Whether nothing is known of an application, or only what carries it.
fn is_bare(app: AppId) -> bool {
    [app.app, app.master].iter().all(|&id| id == 0 || carries(id))
}

/// The first byte of a UDP datagram's payload, by the lengths of its headers; `None` for others.
pub(crate) fn first_payload_byte(l3: &[u8]) -> Option<u8> {
    let (next, header) = match l3.first()? >> 4 {
        4 => (*l3.get(9)?, usize::from(l3[0] & 15) * 4),
        _ => (*l3.get(6)?, 40),
    };
    if next == proto::UDP { l3.get(header + 8).copied() } else { None }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Direction, KeyV4};

    use super::*;

    const TLS: AppId = AppId { master: 0, app: 91 };

    fn key(proto: u8) -> FlowKey {
        FlowKey::V4(KeyV4::new(([198, 18, 0, 1], 1), ([198, 18, 0, 2], 443), 0, proto).0)
    }

    fn sample(proto: u8) -> Sample<'static> {
        Sample::new(key(proto), Direction::FromLower, 0, &[])
    }

    fn said(app: AppId, guessed: bool) -> Classification {
        Classification { app, guessed, ..Classification::default() }
    }

    /// Whether a TCP flow of which these samples were seen is incomplete when it is called TLS.
    fn tls(samples: &[Sample<'_>], all: bool) -> bool {
        let (mut start, mut flags) = (Start::default(), 0);
        for sample in samples {
            flags |= sample.tcp_flags;
            start.note(&key(6), [flags, 0], sample, all);
        }
        start.is_incomplete(&said(TLS, false), None)
    }

    #[test]
    fn a_flow_is_incomplete_without_its_first_payload() {
        let syn = Sample { tcp_flags: tcp::SYN, empty: true, ..sample(6) };
        let ack = Sample { tcp_flags: tcp::ACK, empty: true, ..sample(6) };
        let data = Sample { tcp_flags: tcp::ACK, ..sample(6) };
        let (later, lossy) = (Sample { under_way: true, ..data }, Sample { loss: true, ..data });
        assert!(!tls(&[syn, ack, data, later], false));
        assert!(!tls(&[data, later], false), "the kernel saw the SYN");
        assert!(tls(&[data, later], true), "nobody did");
        assert!(tls(&[syn, ack, later], false));
        assert!(tls(&[syn, data, lossy], false), "the second part of a hello");
        assert!(!tls(&[syn, ack], true), "nothing was missed");
    }

    #[test]
    fn what_is_named_is_whole_whatever_was_missed() {
        let mut start = Start::default();
        start.note(&key(6), [0, 0], &Sample { under_way: true, ..sample(6) }, false);
        let of = |app, guessed, host| start.is_incomplete(&said(app, guessed), host);
        assert!(of(TLS, false, None));
        assert!(of(AppId::default(), false, None));
        assert!(!of(TLS, false, Some("www.example.org")), "the next request, or a certificate");
        assert!(!of(AppId { master: 91, app: 119 }, false, None));
        assert!(of(AppId { master: 91, app: 119 }, true, None), "by the address");
        assert!(!of(AppId { master: 0, app: 92 }, false, None), "SSH is SSH");
    }

    #[test]
    fn quic_begins_with_a_long_header() {
        let quic = |first: u8| {
            let mut l3 = [0; 40];
            (l3[0], l3[9], l3[28]) = (0x45, 17, first);
            let mut start = Start::default();
            start.note(&key(17), [0, 0], &Sample { l3: &l3, ..sample(17) }, true);
            let app = AppId { master: 0, app: QUIC };
            start.is_incomplete(&said(app, false), None)
        };
        assert!(quic(0x40));
        assert!(!quic(0xc0));
    }
}
