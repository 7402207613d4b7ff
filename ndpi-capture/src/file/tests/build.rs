//! Captures built byte by byte, in either byte order.

/// A byte order to build in.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) const BOTH: [Self; 2] = [Self::Little, Self::Big];

    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn u64(self, value: u64) -> [u8; 8] {
        if self == Self::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn words(self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|&word| self.u32(word)).collect()
    }
}

pub(super) const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(super) const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// The header of a pcap file.
pub(super) fn pcap_header(order: Order, magic: u32, link_type: u32) -> Vec<u8> {
    let version = [order.u16(2), order.u16(4)].concat();
    [order.u32(magic).to_vec(), version, order.words(&[0, 0, 65535, link_type])].concat()
}

/// A record of a pcap file.
pub(super) fn record(order: Order, seconds: u32, fraction: u32, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    [&order.words(&[seconds, fraction, len, len + 4])[..], data].concat()
}

/// A pcapng block of type `kind`; `content` is padded to 32 bits.
pub(super) fn block(order: Order, kind: u32, content: &[u8]) -> Vec<u8> {
    let padding = vec![0; content.len().next_multiple_of(4) - content.len()];
    let length = u32::try_from(12 + content.len() + padding.len()).unwrap();
    [&order.words(&[kind, length]), content, &padding, &order.u32(length)].concat()
}

pub(super) fn section(order: Order) -> Vec<u8> {
    let version = [order.u16(1), order.u16(0)].concat();
    let content = [order.u32(0x1a2b_3c4d).to_vec(), version, order.u64(u64::MAX).to_vec()].concat();
    block(order, 0x0a0d_0d0a, &content)
}

/// An interface description with options, each a code and its value.
pub(super) fn interface(order: Order, link_type: u16, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut content = [&order.u16(link_type)[..], &order.u16(0), &order.u32(96)].concat();
    for (code, value) in options {
        let len = u16::try_from(value.len()).unwrap();
        content.extend([order.u16(*code), order.u16(len)].concat());
        content.extend_from_slice(value);
        content.resize(content.len().next_multiple_of(4), 0);
    }
    block(order, 1, &content)
}

/// An enhanced packet block.
pub(super) fn enhanced(order: Order, interface: u32, ticks: u64, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    let [high, low] = halves(ticks);
    block(order, 6, &[&order.words(&[interface, high, low, len, len + 4])[..], data].concat())
}

/// A packet block, the enhanced one's predecessor.
pub(super) fn obsolete(order: Order, interface: u16, ticks: u64, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    let [high, low] = halves(ticks);
    let fixed = [&order.u16(interface)[..], &order.u16(3), &order.words(&[high, low, len, len])];
    block(order, 2, &[&fixed.concat()[..], data].concat())
}

/// A simple packet block.
pub(super) fn simple(order: Order, wire_len: u32, data: &[u8]) -> Vec<u8> {
    block(order, 3, &[&order.u32(wire_len)[..], data].concat())
}

/// The upper and the lower 32 bits.
fn halves(ticks: u64) -> [u32; 2] {
    [ticks >> 32, ticks & 0xffff_ffff].map(|half| u32::try_from(half).unwrap())
}
