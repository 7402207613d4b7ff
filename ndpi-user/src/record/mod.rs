//! Records: what is written down of flows and of the program itself, as events and in lines.
//!
//! `run`, `pcap` and `replay` have them made in one place, so that a flow looks alike wherever it was seen.

mod content;
mod flow;
mod found;
mod interface;
mod names;
mod tunnel;

pub use flow::{Counters, Origin, RecordMaker, SessionFacts, ends_of};
pub use found::Found;
pub use interface::interface_event;
pub use names::Names;
pub use ndpi_events::Time;
pub use tunnel::tunnel_of;
