//! Packets of flows at random: of both families and many protocols, between addresses and ports that nobody has. Each
//! number has its packet, the same at every call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};

use crate::tcp::flags;

/// The networks that they go to, to be routed by whoever sends them.
pub const TO: [&str; 2] = ["198.19.128.0/17", "2001:db8:9::/48"];

const TCP: u8 = 6;
const UDP: u8 = 17;
/// ICMP, and what it is for IPv6: with their echo requests (RFC 792, RFC 4443).
const ECHO: [(u8, u8); 2] = [(1, 8), (58, 128)];
/// ESP, SCTP, and one for experiments (RFC 3692).
const OTHERS: [u8; 3] = [50, 132, 253];

/// Sends packets of these numbers as fast as they go; how many the kernel took. To be called inside of a network
/// namespace with routes to [`TO`].
pub fn send(numbers: Range<u64>) -> u64 {
    // The headers are ours to write: raw(7).
    let raw = |family| socket(family, SocketType::RAW, Some(ipproto::RAW)).unwrap();
    let sockets = [raw(AddressFamily::INET), raw(AddressFamily::INET6)];
    let mut sent = 0;
    for number in numbers {
        let (to, packet) = packet(number);
        let socket = &sockets[usize::from(to.is_ipv6())];
        // A full queue of the interface is no reason to stop.
        sent +=
            u64::from(sendto(socket, &packet, SendFlags::empty(), &SocketAddr::new(to, 0)).is_ok());
    }
    sent
}

/// The packet of a number from its IP header on, and where it goes.
fn packet(number: u64) -> (IpAddr, Vec<u8>) {
    let mut random = Random(number);
    let [family, kind, length, ..] = random.next().to_be_bytes();
    let is_v6 = family & 1 == 1;
    let mut junk: Vec<u8> = (0..25).flat_map(|_| random.next().to_be_bytes()).collect();
    junk.truncate(usize::from(length).min(200));
    let (protocol, transport) = transport(kind, is_v6, &mut random, &junk);
    if is_v6 {
        ipv6(protocol, &transport, &mut random)
    } else {
        ipv4(protocol, &transport, &mut random)
    }
}

/// A protocol, and what follows the IP header.
fn transport(kind: u8, is_v6: bool, random: &mut Random, junk: &[u8]) -> (u8, Vec<u8>) {
    let ports = &random.next().to_be_bytes()[..4];
    let length = u16::try_from(8 + junk.len()).unwrap_or(u16::MAX).to_be_bytes();
    match kind % 8 {
        0..3 => (UDP, [ports, &length, &[0; 2], junk].concat()),
        3 | 4 => {
            let (flag, junk) =
                if kind % 8 == 3 { (flags::SYN, &[][..]) } else { (flags::ACK, junk) };
            let numbers = random.next().to_be_bytes();
            (TCP, [ports, &numbers, &[0x50, flag, 0xff, 0xff, 0, 0, 0, 0], junk].concat())
        }
        5 => {
            let (protocol, echo) = ECHO[usize::from(is_v6)];
            (protocol, [&[echo, 0, 0, 0], ports, junk].concat())
        }
        other => {
            (OTHERS[usize::from(other + kind / 8) % OTHERS.len()], [ports, &[0; 8], junk].concat())
        }
    }
}

fn ipv4(protocol: u8, transport: &[u8], random: &mut Random) -> (IpAddr, Vec<u8>) {
    let [a, b, c, d, ..] = random.next().to_be_bytes();
    let (from, to) = ([198, 19, a & 0x7f, b], [198, 19, c | 0x80, d]);
    let length = u16::try_from(20 + transport.len()).unwrap_or(u16::MAX).to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0];
    (Ipv4Addr::from(to).into(), [&header[..], &from, &to, transport].concat())
}

fn ipv6(protocol: u8, transport: &[u8], random: &mut Random) -> (IpAddr, Vec<u8>) {
    let length = u16::try_from(transport.len()).unwrap_or(u16::MAX).to_be_bytes();
    let header = [0x60, 0, 0, 0, length[0], length[1], protocol, 64];
    let mut address = |network| {
        let host = random.next().to_be_bytes();
        [&[0x20, 1, 0x0d, 0xb8, 0, network, 0, 0][..], &host].concat()
    };
    let (from, to) = (address(8), address(9));
    let addressed = <[u8; 16]>::try_from(&*to).map(Ipv6Addr::from).unwrap();
    (addressed.into(), [&header[..], &from, &to, transport].concat())
}

/// The generator `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_number_has_a_packet_of_its_own_and_all_kinds_come() {
        let (mut tuples, mut protocols) = (BTreeSet::new(), BTreeSet::new());
        for number in 0..2000 {
            let (to, packet) = packet(number);
            assert_eq!((to, packet.clone()), super::packet(number));
            let (protocol, ends) = match to {
                IpAddr::V4(to) => {
                    assert_eq!((packet[16..20] == to.octets(), packet[12] == 198), (true, true));
                    assert_eq!(
                        usize::from(u16::from_be_bytes([packet[2], packet[3]])),
                        packet.len()
                    );
                    (packet[9], packet[12..24].to_vec())
                }
                IpAddr::V6(to) => {
                    assert!(
                        packet[24..40] == to.octets() && packet[8..12] == [0x20, 1, 0x0d, 0xb8]
                    );
                    (packet[6], packet[8..44].to_vec())
                }
            };
            protocols.insert((to.is_ipv6(), protocol));
            tuples.insert((protocol, ends));
        }
        assert_eq!((tuples.len(), protocols.len()), (2000, 12));
    }
}
