//! Flows in user space: their keys, what is known of each, and the table that holds them.

mod client;
mod details;
mod entry;
mod facts;
mod ledger;
mod looks;
mod notes;
mod queues;
mod shard;
mod slab;
mod start;
mod table;
mod tenant;
mod timeouts;

pub use client::Client;
pub use details::Details;
pub use entry::{Decided, DecidedBy, FlowEntry, Stage};
pub use ledger::{Cause, Held, Ledger, Pool, Shares};
pub use looks::{AFTER, Looks};
pub use ndpi_common::{Endpoint, Key as FlowKey};
pub use notes::{Meeting, Note, Notes};
pub use shard::Shards;
pub use start::Start;
pub use table::{FlowTable, SlotId};
pub use tenant::{Tenant, TenantId, Tenants};
pub use timeouts::Timeouts;
