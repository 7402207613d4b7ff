//! Packets that no client would send, built by hand.

use std::io;
use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};
use testkit::namespace::Namespace;

use super::inside::inside;
use super::requests::Family;

/// A packet from the lab's client to its server.
pub(super) struct Packet {
    pub(super) family: Family,
    /// IP protocol number of what comes first in the payload.
    pub(super) proto: u8,
    pub(super) fragment: Fragment,
    pub(super) payload: Vec<u8>,
}

/// Which part of a datagram the packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fragment {
    Whole,
    /// The last part, so many times 8 bytes from the beginning.
    Last(u16),
}

/// Sends a packet from inside a namespace.
pub(super) fn send(namespace: &Namespace, packet: &Packet) -> Result<()> {
    inside(namespace, || {
        let family = match packet.family {
            Family::V4 => AddressFamily::INET,
            Family::V6 => AddressFamily::INET6,
        };
        // Of this protocol, the header is ours to write: raw(7).
        let socket = socket(family, SocketType::RAW, Some(ipproto::RAW))?;
        let to = SocketAddr::new(packet.family.server(), 0);
        let bytes = packet.bytes();
        if sendto(&socket, &bytes, SendFlags::empty(), &to)? == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    })
}

impl Packet {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = match (self.family.client(), self.family.server()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.v4(from.octets(), to.octets()),
            (from, to) => self.v6(from, to),
        };
        bytes.extend(&self.payload);
        bytes
    }

    /// RFC 791, section 3.1. The kernel fills in length and checksum.
    fn v4(&self, from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
        let offset = match self.fragment {
            Fragment::Whole => 0,
            Fragment::Last(offset) => offset,
        };
        let mut header = vec![0x45, 0, 0, 0, 0x1a, 0xb0];
        header.extend(offset.to_be_bytes());
        header.extend([64, self.proto, 0, 0]);
        header.extend(from.into_iter().chain(to));
        header
    }

    /// RFC 8200, sections 3 and 4.5.
    fn v6(&self, from: IpAddr, to: IpAddr) -> Vec<u8> {
        const FRAGMENT: u8 = 44;
        let (next, extension) = match self.fragment {
            Fragment::Whole => (self.proto, Vec::new()),
            Fragment::Last(offset) => {
                let [high, low] = (offset << 3).to_be_bytes();
                (FRAGMENT, vec![self.proto, 0, high, low, 0, 0, 0x1a, 0xb0])
            }
        };
        let length = u16::try_from(extension.len() + self.payload.len()).unwrap_or(u16::MAX);
        let mut header = vec![0x60, 0, 0, 0];
        header.extend(length.to_be_bytes());
        header.extend([next, 64]);
        for address in [from, to] {
            if let IpAddr::V6(address) = address {
                header.extend(address.octets());
            }
        }
        header.extend(extension);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_standards() {
        let mut packet = Packet {
            family: Family::V4,
            proto: 17,
            fragment: Fragment::Last(185),
            payload: vec![1, 2],
        };
        let bytes = packet.bytes();
        assert_eq!((bytes.len(), &bytes[6..10]), (22, &[0, 185, 64, 17][..]));
        packet.family = Family::V6;
        let bytes = packet.bytes();
        assert_eq!((bytes.len(), bytes[6], &bytes[4..6]), (50, 44, &[0, 10][..]));
        assert_eq!(bytes[40..44], [17, 0, 5, 200], "the offset stands above three bits");
    }
}
