//! Which packets belong to which flow, between real sockets.

mod nat;
mod reuse;
