//! Memory of user space: what an instance takes, what of that its flows may take, and giving it back after a flood.
//!
//! What flows and notes take is counted by those who own them ([`ndpi_flow::Allowance`]), at every packet. What all of
//! it is can only be measured (`meter`), now and then: engines, lists, policies, rings, queues, and what the allocator
//! has taken beside. A limit (`--memory-max`) bounds the sum (`budget`): what is left beside the rest is for flows.

mod account;
mod budget;
mod meter;
mod plan;
mod trim;
mod watch;

pub use account::Account;
pub(crate) use meter::Meter;
pub(crate) use plan::Plan;
pub(crate) use trim::trim;
pub use watch::Watch;
