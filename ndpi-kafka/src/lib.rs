#![doc = include_str!("../README.md")]

mod batch;
mod checksum;
mod connection;
mod error;
mod partition;
mod producer;
mod requests;
mod server;
#[cfg(test)]
mod testing;
mod wire;

pub use batch::Record;
pub use error::KafkaError;
pub use producer::{Answer, Producer, Target};
pub use server::{Login, Server};
