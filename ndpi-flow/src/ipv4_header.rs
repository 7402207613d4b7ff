//! The checksum of an IPv4 header (RFC 791, section 3.1), for which every router and receiver discards what it does not
//! fit.

/// Where it is.
const CHECKSUM: std::ops::Range<usize> = 10..12;

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderChecksum {
    /// It fits the header, or there is none, as in IPv6.
    Right,
    /// It was not made: captures on a sender whose hardware does it have none, nor has a header that was rewritten here.
    Unmade,
    /// It fits nothing.
    Wrong,
}

impl HeaderChecksum {
    /// Of the packet `l3`, which begins at its IP header.
    pub(crate) fn of(l3: &[u8]) -> Self {
        let Some(header) = header(l3) else { return Self::Right };
        match header.get(CHECKSUM) {
            _ if sum(header) == u16::MAX => Self::Right,
            Some([0, 0]) => Self::Unmade,
            _ => Self::Wrong,
        }
    }
}

/// Takes away the checksum of a header that was rewritten.
pub(crate) fn unmake(l3: &mut [u8]) {
    if header(l3).is_some() {
        l3[CHECKSUM].fill(0);
    }
}

/// Makes the checksum of a header that was rewritten.
pub(crate) fn make(l3: &mut [u8]) {
    unmake(l3);
    if let Some(sum) = header(l3).map(sum) {
        l3[CHECKSUM].copy_from_slice(&(!sum).to_be_bytes());
    }
}

fn header(l3: &[u8]) -> Option<&[u8]> {
    let first = l3.first().filter(|first| **first >> 4 == 4)?;
    l3.get(..usize::from(first & 0xf) * 4).filter(|header| header.len() >= CHECKSUM.end)
}

fn sum(header: &[u8]) -> u16 {
    let words =
        header.chunks(2).map(|it| u32::from(it[0]) << 8 | it.get(1).map_or(0, |&low| low.into()));
    let sum = words.sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::{HeaderChecksum, make, unmake};

    #[test]
    fn what_a_header_says() {
        // RFC 1071 by hand: the words add up to 0x2_4a9b.
        let mut l3 =
            [0x45, 0, 0, 60, 0x1c, 0x46, 0x40, 0, 64, 6, 0, 0, 172, 16, 10, 99, 172, 16, 10, 12];
        assert_eq!(HeaderChecksum::of(&l3), HeaderChecksum::Unmade);
        make(&mut l3);
        assert_eq!(
            (&l3[10..12], HeaderChecksum::of(&l3)),
            (&[0xb1, 0xe6][..], HeaderChecksum::Right)
        );
        l3[8] -= 1;
        assert_eq!(HeaderChecksum::of(&l3), HeaderChecksum::Wrong);
        unmake(&mut l3);
        assert_eq!(HeaderChecksum::of(&l3), HeaderChecksum::Unmade);
    }

    #[test]
    fn what_is_no_header_of_ipv4_has_none() {
        for mut l3 in [vec![], vec![0x60; 40], vec![0x45; 9], vec![0x40; 20]] {
            let before = l3.clone();
            make(&mut l3);
            assert_eq!((HeaderChecksum::of(&l3), l3), (HeaderChecksum::Right, before));
        }
    }
}
