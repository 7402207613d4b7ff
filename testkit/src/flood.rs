//! Openings of connections from addresses that nobody has.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};

/// How long a flood lasts at most.
const LONGEST: Duration = Duration::from_secs(20);

/// Sends SYNs to a port of `to`, as fast as they go, each from another address of 198.19.0.0/16 and
/// another port, until `stop` says so. To be called inside of a network namespace.
pub fn syns(to: (Ipv4Addr, u16), stop: &AtomicBool) {
    // The header is ours to write: raw(7).
    let socket = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)).unwrap();
    let target = SocketAddr::V4(SocketAddrV4::new(to.0, 0));
    let (mut packet, end) = (syn(to), Instant::now() + LONGEST);
    let mut number = 0u32;
    while !stop.load(Ordering::Relaxed) && Instant::now() < end {
        for _ in 0..64 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [a, b, c, d] = number.to_be_bytes();
            packet[14..16].copy_from_slice(&[a, b]);
            packet[20..22].copy_from_slice(&[c | 0x80, d]);
            // A full queue of the interface is no reason to stop.
            let _ = sendto(&socket, &packet, SendFlags::empty(), &target);
        }
    }
}

/// IPv4 (RFC 791, section 3.1) and TCP (RFC 9293, section 3.1) headers of a SYN. The kernel fills in
/// the length and checksum of the former; that of the latter is wrong, so that no stack answers.
fn syn((address, port): (Ipv4Addr, u16)) -> [u8; 40] {
    let mut packet = [0; 40];
    packet[..12].copy_from_slice(&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
    packet[12..14].copy_from_slice(&[198, 19]);
    packet[16..20].copy_from_slice(&address.octets());
    packet[22..24].copy_from_slice(&port.to_be_bytes());
    packet[32..36].copy_from_slice(&[0x50, 0x02, 0xff, 0xff]);
    packet
}
