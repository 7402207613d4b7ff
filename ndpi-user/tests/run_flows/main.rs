//! Which packets belong to which flow, between real sockets.

mod reuse;
#[path = "../support/mod.rs"]
mod support;
