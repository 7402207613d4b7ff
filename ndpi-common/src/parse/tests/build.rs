//! A frame under construction, without an allocator.

use crate::parse::ethertype;

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const SYN: u8 = 2;

pub(super) const CLIENT_V4: [u8; 4] = [198, 18, 0, 1];
pub(super) const SERVER_V4: [u8; 4] = [198, 18, 0, 2];
pub(super) const CLIENT_V6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub(super) const SERVER_V6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
pub(super) const CLIENT_PORT: u16 = 40_000;
pub(super) const SERVER_PORT: u16 = 443;

#[derive(Clone, Copy)]
pub(super) struct Frame {
    bytes: [u8; 512],
    len: usize,
}

impl Frame {
    /// An Ethernet header without its EtherType.
    pub(super) fn ethernet() -> Self {
        Self { bytes: [0; 512], len: 0 }.with(&[2; 12])
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.len).unwrap()
    }

    pub(super) fn with(mut self, bytes: &[u8]) -> Self {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        self
    }

    pub(super) fn be16(self, number: u16) -> Self {
        self.with(&number.to_be_bytes())
    }

    /// The same without its last `bytes`.
    pub(super) fn shortened(mut self, bytes: usize) -> Self {
        self.len -= bytes;
        self
    }

    /// Overwrites what was built before.
    pub(super) fn patch(mut self, at: usize, bytes: &[u8]) -> Self {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// EtherType and IPv4 header before `payload` more bytes.
    pub(super) fn ipv4(self, proto: u8, options: &[u8], payload: u16) -> Self {
        self.be16(ethertype::IPV4).bare_ipv4(proto, options, payload)
    }

    pub(super) fn bare_ipv4(self, proto: u8, options: &[u8], payload: u16) -> Self {
        let words = 5 + u8::try_from(options.len() / 4).unwrap();
        let total = u16::from(words) * 4 + payload;
        self.with(&[0x40 | words, 0])
            .be16(total)
            .with(&[0xab, 0xcd, 0x40, 0, 64, proto, 0, 0])
            .with(&CLIENT_V4)
            .with(&SERVER_V4)
            .with(options)
    }

    /// EtherType and IPv6 header before `payload` more bytes.
    pub(super) fn ipv6(self, next: u8, payload: u16) -> Self {
        self.be16(ethertype::IPV6).bare_ipv6(next, payload)
    }

    pub(super) fn bare_ipv6(self, next: u8, payload: u16) -> Self {
        self.with(&[0x60, 0, 0, 0])
            .be16(payload)
            .with(&[next, 64])
            .with(&CLIENT_V6)
            .with(&SERVER_V6)
    }

    /// A TCP header of 20 bytes.
    pub(super) fn tcp(self, flags: u8) -> Self {
        self.be16(CLIENT_PORT)
            .be16(SERVER_PORT)
            .with(&[0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0])
    }

    /// A UDP header before `payload` more bytes.
    pub(super) fn udp(self, destination: u16, payload: u16) -> Self {
        self.be16(CLIENT_PORT).be16(destination).be16(8 + payload).be16(0)
    }
}
