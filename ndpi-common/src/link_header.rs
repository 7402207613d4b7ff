//! The link header of a frame, as samples carry it.

/// An Ethernet header, as it lies at the front of the frame; zeros where the frame has none.
///
/// A tag that the hardware took off, or is to put in, is not part of it.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct LinkHeader {
    /// Whom the frame is for.
    pub destination: [u8; 6],
    /// Who sent it.
    pub source: [u8; 6],
    /// The EtherType of what follows (IANA), the outermost tag included, in network byte order.
    pub ethertype: [u8; 2],
}

impl LinkHeader {
    /// That of a frame without one.
    pub const NONE: Self = Self { destination: [0; 6], source: [0; 6], ethertype: [0; 2] };
    /// How long it is.
    pub const LEN: u32 = 14;

    /// Whether it says which devices the frame went between. On the loopback device there are none.
    pub const fn has_addresses(&self) -> bool {
        let (Self { destination, source, .. }, mut at) = (self, 0);
        while at < 6 {
            if destination[at] | source[at] != 0 {
                return true;
            }
            at += 1;
        }
        false
    }
}

const _: () = assert!(size_of::<LinkHeader>() == LinkHeader::LEN as usize);

#[cfg(test)]
mod tests {
    use super::LinkHeader;

    #[test]
    fn only_devices_have_addresses() {
        let loopback = LinkHeader { ethertype: [8, 0], ..LinkHeader::NONE };
        assert!(!LinkHeader::NONE.has_addresses() && !loopback.has_addresses());
        for at in 0..6 {
            let mut address = [0; 6];
            address[at] = 1;
            assert!(LinkHeader { destination: address, ..loopback }.has_addresses());
            assert!(LinkHeader { source: address, ..loopback }.has_addresses());
        }
    }
}
