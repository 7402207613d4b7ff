//! Sending through the stack: raw sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use ndpi_common::REJECT_MARK;
use socket2::{Domain, Protocol, Socket, Type};

use crate::to_send::Answer;
use crate::transport::Transport;

/// `IPPROTO_RAW` of raw(7): whatever protocol the header says is sent.
const ANY_PROTOCOL: i32 = 255;

/// Raw sockets that answers are sent through. They belong to the network namespace of the thread
/// that opened them.
#[derive(Debug)]
pub struct Stack {
    v4: Socket,
    /// `None` where the kernel has no IPv6.
    v6: Option<Socket>,
    /// A UDP socket that nothing is sent from, to ask the routing table.
    asking: Socket,
}

/// Why answers cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error(
    "cannot open a raw socket for {family}, to notify the ends of rejected flows (this needs the \
     capabilities CAP_NET_RAW and CAP_NET_ADMIN)"
)]
pub struct OpenError {
    /// `IPv4` or `IPv6`.
    pub family: &'static str,
    /// What the kernel said.
    pub source: io::Error,
}

impl Stack {
    /// Opens the sockets, in this thread's network namespace.
    ///
    /// # Errors
    ///
    /// Without the rights to do so.
    pub fn open() -> Result<Self, OpenError> {
        let error = |family| move |source| OpenError { family, source };
        let v4 = open(Domain::IPV4).map_err(error("IPv4"))?;
        let v6 = match open(Domain::IPV6) {
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => None,
            v6 => Some(v6.map_err(error("IPv6"))?),
        };
        let asking = Socket::new(Domain::IPV4, Type::DGRAM, None).map_err(error("IPv4"))?;
        Ok(Self { v4, v6, asking })
    }
}

fn open(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(ANY_PROTOCOL)))?;
    if domain == Domain::IPV4 {
        socket.set_header_included_v4(true)?;
    } else {
        socket.set_header_included_v6(true)?;
    }
    socket.set_mark(REJECT_MARK)?;
    // Whatever arrives with protocol 255 is nobody's; the least that the kernel allows may wait.
    socket.set_recv_buffer_size(0)?;
    Ok(socket)
}

impl Transport for Stack {
    fn send(&self, answer: &Answer) -> io::Result<()> {
        let socket = match answer.to {
            SocketAddr::V4(_) => &self.v4,
            SocketAddr::V6(_) => self.v6.as_ref().ok_or(io::ErrorKind::Unsupported)?,
        };
        let to = answer.to.into();
        socket.send_to_with_flags(&answer.packet, &to, libc::MSG_DONTWAIT).map(drop)
    }

    /// The broadcast addresses of attached networks are in the kernel's routing table; it keeps
    /// sockets from connecting to one unless they ask for it (`SO_BROADCAST` in socket(7)).
    /// Connecting a UDP socket sends nothing.
    fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        const DISCARD: u16 = 9;
        let connected = self.asking.connect(&SocketAddrV4::new(address, DISCARD).into());
        // Or the next question would come from the address that this one was asked from. It cannot
        // fail: there is nothing to undo where the socket is not connected.
        let _ = rustix::net::connect_unspec(&self.asking);
        connected.is_err_and(|error| error.raw_os_error() == Some(libc::EACCES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_said_is_the_source_and_stands_once() {
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = anyhow::Error::from(OpenError { family: "IPv4", source });
        let (text, chain) = (error.to_string(), format!("{error:#}"));
        assert!(!text.contains("permission denied"), "{text}");
        assert_eq!(chain.matches("permission denied").count(), 1, "{chain}");
    }
}
