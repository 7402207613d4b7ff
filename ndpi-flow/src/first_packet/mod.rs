//! Deciding flows by their first packet: what is claimed of a server from DNS answers and earlier
//! flows, for how long, and which servers the kernel blocks by itself.
//!
//! Plain code: time and map writes come in as arguments.

mod blocklist;
mod hint;
mod lru;
mod server_cache;
mod servers;
#[cfg(test)]
mod tests;

pub use blocklist::{Blocked, Blocklist, NoBlocklist};
pub use hint::{Hint, Known};
pub use server_cache::{LONGEST, ServerCache, UNANNOUNCED};
pub use servers::Servers;
pub(crate) use servers::lesson;
