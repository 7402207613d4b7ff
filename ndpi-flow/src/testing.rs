//! What unit tests share.

/// The bytes of an IPv4 packet with a TCP segment of this sequence and acknowledgement number.
pub(crate) fn segment(flags: u8, sequence: u32, acknowledged: u32, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 40];
    (packet[0], packet[8], packet[9]) = (0x45, 64, 6);
    let length = u16::try_from(40 + data.len()).unwrap();
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[12..20].copy_from_slice(&[198, 18, 0, 1, 198, 18, 0, 2]);
    packet[20..24].copy_from_slice(&[0, 1, 1, 187]);
    packet[24..28].copy_from_slice(&sequence.to_be_bytes());
    packet[28..32].copy_from_slice(&acknowledged.to_be_bytes());
    (packet[32], packet[33]) = (5 << 4, flags);
    packet.extend_from_slice(data);
    packet
}
