//! Deciding flows by their first packet: what is claimed of a server from DNS answers and earlier
//! flows, for how long, and which servers the kernel blocks by itself.
//!
//! Plain code: time and map writes come in as arguments.

mod blocklist;
mod hint;
mod lesson;
mod lifetime;
mod lru;
mod question;
mod server_cache;
mod servers;
#[cfg(test)]
mod tests;
mod witnesses;

pub use blocklist::{Blocked, Blocklist, NoBlocklist};
pub use hint::{Basis, Hint, Known};
pub use lesson::Lesson;
pub(crate) use lesson::lesson;
pub use lifetime::{LONGEST, UNANNOUNCED};
pub(crate) use lru::Lru;
pub(crate) use question::{Answer, Questions};
pub use server_cache::ServerCache;
pub use servers::Servers;
