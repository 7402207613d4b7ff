#![doc = include_str!("../README.md")]

mod address;
mod answer;
mod answered;
mod icmp;
mod ip;
mod rate_limiter;
mod rejecter;
mod stack;
mod tcp;
mod to_send;
mod transport;
mod trigger;

pub use answer::answers;
pub use rejecter::{Notified, Rejecter, Settings, Statistics};
pub use stack::{OpenError, Stack};
pub use to_send::{Answer, Unanswerable};
pub use transport::Transport;
