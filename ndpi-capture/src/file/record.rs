//! Records of a capture file.

use crate::packet::{LinkType, Packet};

/// The longest record of a pcap file and the longest block of a pcapng file, in bytes. What is
/// longer is a length that lies: libpcap stops at 16 MiB (pcapng) and 256 KiB (pcap) too.
pub const LONGEST_RECORD: usize = 16 << 20;

/// What comes next in a file.
pub(super) enum Next {
    Packet(Found),
    /// The header of another capture, which is not taken yet.
    Another,
    End,
}

/// A packet found in the record that the window has just taken.
pub(super) struct Found {
    pub(super) time_ns: u64,
    pub(super) link_type: LinkType,
    pub(super) wire_len: u32,
    /// Where its bytes are in the record.
    pub(super) start: usize,
    pub(super) len: usize,
    /// Bytes that a record cut short lacks.
    pub(super) missing: usize,
}

impl Found {
    #[inline]
    pub(super) fn lend(self, record: &[u8]) -> Packet<'_> {
        let Self { time_ns, link_type, wire_len, start, len, .. } = self;
        Packet { time_ns, link_type, wire_len, data: &record[start..start + len] }
    }
}
