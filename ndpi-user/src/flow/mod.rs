//! Flows in user space: their keys, what is known of each, and the table that holds them.

mod details;
mod entry;
mod key;
mod slab;
mod table;
mod timeouts;

pub use details::Details;
pub use entry::{Decided, FlowEntry, Stage};
pub use key::{Endpoint, FlowKey};
pub use table::{FlowTable, SlotId};
pub use timeouts::Timeouts;
