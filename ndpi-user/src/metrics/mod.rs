//! Metrics for Prometheus, and whether the instance is alive and ready, over HTTP: `run --metrics`.
//!
//! One thread answers, within bounds of connections, bytes and time, so that whoever connects slows nobody but
//! others who do. What it answers is made of a snapshot, of which there are four a second at most, however many
//! ask.

mod connection;
mod exposition;
mod families;
mod pages;
mod request;
mod server;

pub use exposition::exposition;
pub use request::is_answered;
pub use server::{BindError, Listener, Server};

#[cfg(test)]
mod tests;
