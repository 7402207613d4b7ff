//! `ndpi-xdp replay` as a person runs it: captures through the real programs.
//!
//! Needs root, the built object and nDPI. Without, the tests say so and skip; in CI that is a
//! failure.

mod agree;
mod build;
mod corpus;
mod fates;
mod findings;
mod first_packet;
mod hostile;
mod in_fragments;
mod policies;
mod records;
mod sandbox;
mod setup;
mod split_hello;
mod streams;
mod tunnels;
