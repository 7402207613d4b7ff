//! The Internet checksum (RFC 1071).

/// The checksum of bytes whose own field is zero, such as those of an IPv4 header.
pub fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from);
    let sum: u32 = bytes.chunks(2).map(word).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).expect("folded into 16 bits")
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn the_sum_of_a_header_with_its_checksum_is_zero() {
        let mut header =
            [0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 198, 19, 0, 1, 198, 19, 1, 2];
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(checksum(&header), 0);
        assert_eq!(checksum(&[0xff, 0xff, 0xff]), !0xff00);
    }
}
