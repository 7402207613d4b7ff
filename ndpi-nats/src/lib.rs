#![doc = include_str!("../README.md")]

mod connection;
mod error;
mod protocol;
mod publisher;
mod server;

#[cfg(test)]
mod testing;

pub use connection::Connection;
pub use error::NatsError;
pub use protocol::Message;
pub use publisher::{Answer, Publisher};
pub use server::{Login, Server};
