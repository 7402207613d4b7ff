//! Reads captures (pcap and pcapng, plain or compressed), down to the IP packet and the key of its flow.
//!
//! [`Capture`] gives packets as they were captured; [`link`] leads over the link layer and through
//! tunnels to the IP packet, or says why a packet has no flow.

mod file;
pub mod link;
mod packet;

pub use file::{Capture, CaptureError, Foreign, LONGEST_RECORD, Others, Problem, Progress};
pub use packet::{LinkType, Packet};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
