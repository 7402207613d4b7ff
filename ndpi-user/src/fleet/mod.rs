//! Fleets: policies that several instances take from a bucket of a NATS server, and what came of each.
//!
//! ```text
//! Follower (another process, which has the network) ══ socket pair ══ Following (a thread of the instance) ─▶ Reloader
//! ```
//!
//! The follower keeps nothing. What is in force, and the copy of it on disk, are the instance's.

mod copy;
mod follower;
mod following;
mod keys;
mod link;
mod message;
mod place;
mod push;
mod standing;

pub(crate) use copy::PolicyCopy;
pub use follower::follower_job;
pub(crate) use follower::{follow, read_job};
pub(crate) use following::{Following, Offer};
pub(crate) use link::Link;
pub use message::follower_said;
pub(crate) use place::{Place, PolicySource};
pub(crate) use push::{Push, Target};
pub(crate) use standing::show_standing;
