//! The action `reject`: the kernel drops the flow's packets, and both ends are notified.
//!
//! TCP connections are reset at both ends (RFC 9293, section 3.5.2), so that neither waits for a
//! time-out. The sender of anything else gets ICMP "communication administratively prohibited"
//! (RFC 1812, section 5.2.7.1; RFC 4443, section 3.1). What to say is decided by plain code
//! ([`answers`]); [`Rejecter`] says it, within bounds.
//!
//! Answers leave through the stack, from raw sockets and with the address of the other end as
//! their source. The stack's routing finds the interface, VLAN and neighbour, and delivers to a
//! local end by itself. They carry [`ndpi_common::REJECT_MARK`], by which the program at egress
//! knows them, since they belong to a flow that it drops.
//!
//! Where this falls short:
//!
//! - Without a route to an end it cannot be notified: a bridge or a bump in the wire without addresses,
//!   and networks that only a VRF or a rule on the source address or on another mark leads to.
//! - Of equal addresses behind several VLANs, the one that the main table leads to is notified.
//! - XDP has no mark: attached to the loopback interface it drops the answers to local ends.
//! - A connection whose segments are authenticated (RFC 2385, RFC 5925) ignores a reset.
//! - A reset counts only with the exact sequence number (RFC 5961). More data that was on its way
//!   when the verdict was made can make it miss, and only the answer to the next packet, which the
//!   kernel drops and shows, then hits.

mod address;
mod answer;
mod answered;
mod icmp;
mod ip;
mod rate_limiter;
mod rejecter;
mod stack;
mod tcp;
mod to_send;
mod trigger;
mod way;

pub use answer::answers;
pub use rejecter::{Rejecter, Settings, Statistics, Told};
pub use stack::{OpenError, Stack};
pub use to_send::{Answer, Unanswerable};
pub use way::Way;
