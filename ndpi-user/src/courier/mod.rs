//! Processes that have the network: each brings the records of one output to a server, and has no rights besides.
//!
//! An instance that enforces can start no process later (see `daemon/confined.rs`). So one is started before, which does
//! nothing but start the one that works, and start another where that has died.

mod child;
mod process;

pub(crate) use child::start;
pub(crate) use process::run;
