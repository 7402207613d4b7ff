//! Between samples and nDPI: datagrams that were sent in fragments, put together as their receiver does.
//!
//! The kernel shows fragments of undecided flows, and a share of those whose first was not seen. A datagram is given to
//! nDPI once it is whole, whatever the order (`datagram`). All classifiers of a program put together in one place
//! (`store`): a fragment without ports reaches another one than its flow does.

mod datagram;
mod piece;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use piece::Piece;
pub use store::Fragments;
pub(crate) use store::{Taken, Whole};
