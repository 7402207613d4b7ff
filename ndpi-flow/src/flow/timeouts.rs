//! How long a flow may be silent before it is over.

use std::time::Duration;

use ndpi_common::TICK_NS;
use ndpi_common::parse::proto;

use super::entry::FlowEntry;

/// Idle times by kind of flow. The defaults are the lower bounds that the IETF sets for address
/// translators, which face the same question: when may a mapping be forgotten?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// An open TCP connection (RFC 5382, REQ-5: at least 2 hours 4 minutes).
    pub tcp: Duration,
    /// A TCP connection that was never answered or never opened before our eyes
    /// (RFC 5382, REQ-5: at least 4 minutes).
    pub tcp_opening: Duration,
    /// A TCP connection that ended by FIN from both sides or by RST: long enough for the last
    /// retransmissions.
    pub tcp_closed: Duration,
    /// A blocked flow whose packets no longer come: longer than TCP waits between two attempts (RFC
    /// 6298, rule 2.5: 60 seconds or more; Linux 120). A note of it is kept for the rest of its time, see
    /// [`super::Notes`].
    pub blocked: Duration,
    /// A blocked TCP connection after FIN from both sides or RST, which anybody may have sent.
    pub blocked_closed: Duration,
    /// UDP and its kin (RFC 4787, REQ-5: 5 minutes recommended).
    pub udp: Duration,
    /// Everything else (RFC 5508, REQ-2: at least 60 seconds for ICMP queries).
    pub other: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            tcp: Duration::from_mins(124),
            tcp_opening: Duration::from_mins(4),
            tcp_closed: Duration::from_secs(10),
            blocked: Duration::from_mins(3),
            blocked_closed: Duration::from_mins(1),
            udp: Duration::from_mins(5),
            other: Duration::from_mins(1),
        }
    }
}

impl Timeouts {
    /// How long `flow` may be silent.
    pub fn of<F>(&self, flow: &FlowEntry<F>) -> Duration {
        let proto = flow.key.proto();
        if proto == proto::TCP && flow.tcp_closed() {
            return self.tcp_closed;
        }
        self.for_proto(proto, flow.tcp_answered() || flow.proof.is_given())
    }

    /// How long an open flow of an IP protocol may be silent; `answered` counts for TCP only.
    pub fn for_proto(&self, proto: u8, answered: bool) -> Duration {
        match proto {
            proto::TCP if answered => self.tcp,
            proto::TCP => self.tcp_opening,
            proto::UDP | proto::UDP_LITE => self.udp,
            _ => self.other,
        }
    }

    /// How long the entry of a blocked flow may be silent; `closed` counts for TCP only.
    pub fn for_blocked(&self, proto: u8, closed: bool) -> Duration {
        let ended = closed && proto == proto::TCP;
        let entry = if ended { self.blocked_closed } else { self.blocked };
        entry.min(self.for_proto(proto, true))
    }

    /// Whether `flow` has been silent for too long at `clock_ns` on the clock of
    /// [`Sample::clock_ns`](crate::sample::Sample::clock_ns): in whole ticks, as the kernel has it of
    /// decided flows. A clock that went backwards never ends a flow.
    pub fn is_over<F>(&self, flow: &FlowEntry<F>, clock_ns: u64) -> bool {
        let ticks = (clock_ns / TICK_NS).saturating_sub(flow.heard_ns / TICK_NS);
        Duration::from_nanos(ticks.saturating_mul(TICK_NS)) > self.of(flow)
    }
}
