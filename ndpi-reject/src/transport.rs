//! Where answers go.

use std::io;
use std::net::Ipv4Addr;

use crate::to_send::Answer;

/// Where answers go: the stack, or a list in a test.
pub trait Transport {
    /// Sends a packet, without waiting.
    ///
    /// # Errors
    ///
    /// What the kernel says: there is no route, a firewall forbids it, the queue is full.
    fn send(&self, answer: &Answer) -> io::Result<()>;

    /// Whether the address is the broadcast address of an attached network.
    fn is_broadcast(&self, address: Ipv4Addr) -> bool;
}
