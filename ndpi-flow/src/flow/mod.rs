//! Flows in user space: their keys, what is known of each, and the table that holds them.

mod client;
mod decided;
mod details;
mod entry;
mod facts;
mod ledger;
mod looks;
mod notes;
mod places;
mod queues;
mod reported;
mod rule_texts;
mod shard;
mod slab;
mod start;
mod table;
mod timeouts;
mod traffic;

pub use client::Client;
pub use decided::{Decided, DecidedBy};
pub use details::{Details, DetailsBuilder, Text};
pub use entry::{FlowEntry, Stage};
pub use ledger::{Cause, Held, Ledger, Pool, Shares};
pub use looks::{AFTER, Looks};
pub use notes::{Meeting, Note, Notes};
pub use reported::Reported;
pub use rule_texts::RuleTexts;
pub use shard::Shards;
pub use slab::SlotId;
pub use start::Start;
pub(crate) use start::first_payload_byte;
pub use table::FlowTable;
pub use timeouts::Timeouts;
pub use traffic::{Traffic, Volume};
