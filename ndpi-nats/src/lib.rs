#![doc = include_str!("../README.md")]

mod bucket;
mod connection;
mod error;
mod protocol;
mod publisher;
mod server;
mod watch;

#[cfg(test)]
mod testing;

pub use bucket::{Bucket, Entry};
pub use connection::Connection;
pub use error::NatsError;
pub use protocol::Message;
pub use publisher::{Answer, Publisher};
pub use server::{Login, Server};
pub use watch::{Heard, Watch};
