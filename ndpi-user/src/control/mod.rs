//! Talking to a running instance: a request and a reply, each a line of JSON, through a Unix socket
//! that only root and the instance's own user may use.
//!
//! ```text
//! {"protocol":1,"command":"policy-reload"}
//! {"protocol":1,"command":"status"}
//! {"protocol":1,"policy_reload":{"taken":true,"policy":"/etc/policy.toml","rules":3,…}}
//! ```

mod batches;
mod cleaned;
mod client;
mod find;
mod line;
mod message;
mod order;
mod server;

pub use batches::{Batches, add_line};
pub use cleaned::cleaned_json;
pub use client::{AskError, ask, ask_within, read_lines};
pub use find::socket_of;
pub use message::{Answer, Command, PROTOCOL, ReleaseResult, Reload, Reply, ReplyError, Request};
pub use order::{answered_something_else, fetch, order};
pub use server::{Reaction, Server, StartError};

#[cfg(test)]
mod tests;
