//! Resegmentation: what nDPI can use of a packet whose segmentation is left to the hardware.
//!
//! At TC such a packet is one large one. nDPI ignores IPv6 and UDP packets that hold fewer bytes
//! than their headers announce, so the lengths are made to fit what is there; of a large UDP packet
//! (`UDP_SEGMENT` in udp(7)) only the first segment is one datagram of the application.

use ndpi_common::parse::{self, Captured, Options, proto};

use crate::ipv4_header;

const UDP_HEADER: usize = 8;
const IPV6_HEADER: usize = 40;

/// Makes the lengths in the headers of `l3`, a packet from its IP header on, fit its bytes, and
/// returns how many of them make one packet. `segment_size` is the largest payload of a segment in
/// bytes, 0 where the packet is not segmented later.
pub fn fit(l3: &mut [u8], segment_size: u32) -> usize {
    let options = Options { zero_length: true, ..Options::default() };
    // The kernel's parser has compared the lengths with the frame; here only bytes are left.
    let captured = Captured { bytes: l3, wire_len: u32::MAX };
    let Ok(packet) = parse::from_ip(&captured, 0, options) else { return l3.len() };
    let (l4, udp) = (packet.l4 as usize, packet.key.proto() == proto::UDP);
    let length = match segment_size as usize {
        size if udp && size > 0 => l3.len().min(l4 + UDP_HEADER + size),
        _ => l3.len(),
    };
    set_ip_length(l3, length);
    if udp {
        set_u16(l3, l4 + 4, length.saturating_sub(l4));
    }
    length
}

/// Writes the length of the packet `l3` into its IP header: `length` bytes, from that header on.
pub(crate) fn set_ip_length(l3: &mut [u8], length: usize) {
    match l3.first().map(|first| first >> 4) {
        Some(4) if ip_length(l3) != Some(length) => {
            set_u16(l3, 2, length);
            ipv4_header::unmake(l3);
        }
        Some(6) => set_u16(l3, 4, length.saturating_sub(IPV6_HEADER)),
        _ => {}
    }
}

fn ip_length(l3: &[u8]) -> Option<usize> {
    let field = l3.get(2..4)?;
    Some(usize::from(u16::from_be_bytes([field[0], field[1]])))
}

/// Writes `value` in network byte order, as far as it fits.
pub(crate) fn set_u16(bytes: &mut [u8], at: usize, value: usize) {
    let value = u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value);
    }
}

#[cfg(test)]
mod tests {
    use super::fit;

    fn udp_v4(payload: usize, announced: u16) -> Vec<u8> {
        let [high, low] = announced.to_be_bytes();
        let [udp_high, udp_low] = announced.saturating_sub(20).to_be_bytes();
        let mut packet = vec![0x45, 0, high, low, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.extend([198, 18, 0, 1, 198, 18, 0, 2]);
        packet.extend([0x30, 0x39, 1, 0xbb, udp_high, udp_low, 0, 0]);
        packet.resize(28 + payload, 7);
        packet
    }

    fn tcp_v6(payload: usize) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0xff, 0xff, 6, 64];
        packet.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        packet.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        packet.extend([0x30, 0x39, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0, 9, 0, 0, 0, 0]);
        packet.resize(60 + payload, 7);
        packet
    }

    #[test]
    fn the_first_datagram_of_a_large_one_is_made_whole() {
        let mut packet = udp_v4(3600, 3628);
        assert_eq!(fit(&mut packet, 1200), 1228);
        assert_eq!(packet[2..4], 1228u16.to_be_bytes());
        assert_eq!(packet[24..26], 1208u16.to_be_bytes());
    }

    #[test]
    fn a_packet_cut_short_announces_what_is_there() {
        let mut packet = tcp_v6(1000);
        assert_eq!(fit(&mut packet, 1440), 1060);
        assert_eq!(packet[4..6], 1020u16.to_be_bytes());
        let mut packet = udp_v4(500, 1400);
        assert_eq!(fit(&mut packet, 0), 528);
        assert_eq!(packet[24..26], 508u16.to_be_bytes());
    }

    #[test]
    fn what_is_no_packet_stays_as_it_is() {
        assert_eq!(fit(&mut [], 0), 0);
        let mut junk = [0xff; 30];
        assert_eq!((fit(&mut junk, 9), junk), (30, [0xff; 30]));
    }

    #[test]
    fn every_length_of_every_packet_is_survived() {
        for whole in [udp_v4(40, 68), tcp_v6(40)] {
            for length in 0..=whole.len() {
                let mut packet = whole[..length].to_vec();
                assert!(fit(&mut packet, 5) <= length);
            }
        }
    }
}
