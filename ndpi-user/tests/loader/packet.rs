//! Packets built by hand.

use ndpi_common::{Key, KeyV4, KeyV6};

/// A UDP packet over IPv4 in an Ethernet frame, between 198.18.0.1 and 198.18.0.2.
pub(crate) fn udp4(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let udp = udp(from, to, payload);
    let total = u16::try_from(20 + udp.len()).unwrap().to_be_bytes();
    let mut ip = vec![0x45, 0, total[0], total[1], 0, 0, 0x40, 0, 64, 17, 0, 0];
    ip.extend([198, 18, 0, 1, 198, 18, 0, 2]);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    [frame(0x0800), ip, udp].concat()
}

/// A UDP packet over IPv6 in an Ethernet frame, between `2001:db8::1` and `2001:db8::2`.
pub(crate) fn udp6(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let udp = udp(from, to, payload);
    let len = u16::try_from(udp.len()).unwrap().to_be_bytes();
    let mut ip = vec![0x60, 0, 0, 0, len[0], len[1], 17, 64];
    ip.extend(address(1));
    ip.extend(address(2));
    [frame(0x86dd), ip, udp].concat()
}

/// The key of [`udp4`]'s flow.
pub(crate) fn key4(from: u16, to: u16) -> Key {
    Key::V4(KeyV4::new(([198, 18, 0, 1], from), ([198, 18, 0, 2], to), 0, 17).0)
}

/// The key of [`udp6`]'s flow.
pub(crate) fn key6(from: u16, to: u16) -> Key {
    Key::V6(KeyV6::new((address(1), from), (address(2), to), 0, 17).0)
}

fn frame(ether_type: u16) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend(ether_type.to_be_bytes());
    frame
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap();
    let mut udp = [from.to_be_bytes(), to.to_be_bytes(), len.to_be_bytes(), [0, 0]].concat();
    udp.extend(payload);
    udp
}

fn address(last: u8) -> [u8; 16] {
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
    address[15] = last;
    address
}

fn checksum(header: &[u8]) -> u16 {
    let words =
        header.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum: u32 = words.sum();
    !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()
}
