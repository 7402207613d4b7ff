//! Helpers that the tests, the benches and the lab of ndpi-xdp share, in one place for each thing:
//!
//! - what a test needs, and the one rule for what happens where that is missing ([`mod@needs`]);
//! - network namespaces, and networks made of them ([`namespace`], [`topology`], [`sandbox`],
//!   [`pair`], [`wire`], [`tun`]);
//! - frames and floods ([`frame`], [`tunnel`], [`checksum`], [`flood`]);
//! - the program under test ([`program`], [`instance`]);
//! - BPF programs of a few instructions that are none of the project's ([`bpf`], [`foreign`]), and
//!   what is attached to an interface ([`attached`]);
//! - threads that keep to a CPU ([`cpu`]).
//!
//! Packets are sent only inside of network namespaces that are made here and removed here, between
//! addresses of 198.18.0.0/15 (RFC 2544) and `2001:db8::/32` (RFC 3849).
#![allow(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "whatever goes wrong here ends the test, and says itself what it was"
)]
#![allow(clippy::new_without_default, reason = "making a network is more than a default value")]

pub mod alone;
pub mod attached;
pub mod bench;
pub mod blocked;
pub mod bpf;
pub mod checksum;
pub mod cpu;
pub mod environment;
pub mod family;
pub mod flood;
pub mod flow_records;
pub mod foreign;
pub mod frame;
pub mod hostile;
pub mod instance;
pub mod interface;
pub mod memory;
pub mod metrics;
pub mod namespace;
pub mod needs;
pub mod packets;
pub mod pair;
pub mod places;
pub mod program;
pub mod random_flows;
pub mod reference;
pub mod sandbox;
pub mod schema;
pub mod seed;
pub mod tcp;
pub mod thread_namespace;
pub mod tls;
pub mod topology;
pub mod tun;
pub mod tunnel;
pub mod wait;
pub mod wire;

pub use needs::{needs, skip};
pub use wait::{wait_for, wait_until};
