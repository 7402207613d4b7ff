//! Between samples and nDPI: what the receiver of a TCP stream or a QUIC connection reads, in the order it reads it.
//!
//! nDPI takes packets as they come. Who sends them can send others beside them, which the receiver
//! discards, or send them in pieces that only make sense together. So a segment is discarded only where
//! that is certain: its flags or its numbers are impossible. One that is merely unlike the others of its sender
//! (`sender`) waits for the other end to acknowledge it, or for a copy that is not. Segments that
//! come early wait for what is missing before them (`piece`), and the first message of a stream is given to
//! nDPI as one that most senders would have written (`message`). The receiver is modelled on Linux.
//!
//! Which of the hellos of a QUIC connection its server reads, the server's answer proves (`quic`).
//!
//! What cannot be judged is read as it came.

mod checksum;
mod first_message;
mod host;
mod http2;
mod merit;
mod message;
mod opening;
mod options;
mod piece;
mod quic;
mod receiver;
mod request;
mod requests;
mod rewrite;
mod segment;
mod sender;
mod side;
mod step;
mod stream;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use quic::initials;
pub use receiver::{Receiver, may_open_quic};
pub use step::Step;
pub(crate) use stream::MOST_KEPT;
