//! Processes that have the network: each speaks to one server, and has no rights besides. A courier brings the records of
//! an output there; a follower brings policies from there.
//!
//! An instance that enforces can start no process later (see `daemon/confined.rs`). So one is started before, which does
//! nothing but start the one that works, and start another where that has died. It has a spare, which waits until it is
//! gone, and goes on in its place.

mod child;
mod process;
mod spare;

pub(crate) use child::{start_courier, start_follower};
pub(crate) use process::run;
