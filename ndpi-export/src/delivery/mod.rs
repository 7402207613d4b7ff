//! Records to a process of its own, which has the network: a network client never sits beside nDPI or the rights that
//! enforcement needs.
//!
//! ```text
//! Deliverer (a target; keeps records until they are confirmed) ══ socket pair ══ Courier (another process) ─▶ server
//! ```
//!
//! The courier keeps nothing: when it or the server comes back, it is given all again that was not confirmed. Each
//! record has an id that the server knows doubles by.

mod broker;
mod connect;
mod courier;
mod couriers;
mod deliverer;
mod framed;
mod job;
mod message;
mod options;
mod other_end;
mod window;

pub use courier::run_courier;
pub use couriers::Couriers;
pub(crate) use deliverer::Deliverer;
pub(crate) use framed::Framed;
pub use job::{CourierJob, courier_job, read_job};
pub use message::courier_said;
pub use options::NatsOptions;
pub use other_end::is_over_within;
