//! A decoded packet of a capture.

use ndpi_common::parse::{self, Captured, MAX_DEPTH};

use super::tunnel::{self, Tunnel, TunnelKind};
use super::{Outer, Tunnels};

/// A packet with a flow, and the tunnels around it.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The packet, or the innermost one in tunnels.
    packet: parse::Packet,
    /// The outermost packet, where there is a tunnel.
    outermost: Option<parse::Packet>,
    /// The outermost tunnel first.
    tunnels: [Option<Tunnel>; MAX_DEPTH as usize],
    /// The first tunnel that the programs in the kernel do not open.
    beyond_kernel: Option<TunnelKind>,
    /// Whether tunnels are looked into.
    looks_inside: bool,
    /// The bytes that offsets count in.
    source: Captured<'a>,
}

impl<'a> Decoded<'a> {
    /// A packet that is not in a tunnel.
    #[inline]
    pub(super) fn plain(packet: parse::Packet, source: Captured<'a>) -> Self {
        let (outermost, tunnels, beyond_kernel) = Default::default();
        Self { packet, outermost, tunnels, beyond_kernel, looks_inside: false, source }
    }

    /// Looks into tunnels, as far as they go.
    pub(super) fn look_into(&mut self, tunnels: &Tunnels) {
        let outermost = self.packet;
        for tunnel in &mut self.tunnels {
            let Some((entrance, inner)) = tunnels.open(&self.source, &self.packet) else { break };
            self.packet = inner;
            self.outermost = Some(outermost);
            *tunnel = Some(entrance.tunnel);
            if !entrance.in_kernel {
                self.beyond_kernel.get_or_insert(entrance.tunnel.kind);
            }
        }
        self.looks_inside = tunnels.are_open();
    }

    /// The packet, or the innermost one in tunnels: its key, direction, flags and offsets.
    pub fn packet(&self) -> &parse::Packet {
        &self.packet
    }

    /// Its bytes from the IP header on, cut to the IP length; fewer where the capture has fewer.
    #[inline]
    pub fn l3(&self) -> &'a [u8] {
        let data = self.source.bytes;
        let end = (self.packet.end as usize).min(data.len());
        &data[self.packet.l3 as usize..end]
    }

    /// The tunnels around it, the outermost first.
    pub fn tunnels(&self) -> &[Option<Tunnel>; MAX_DEPTH as usize] {
        &self.tunnels
    }

    /// The ends of the outermost packet and the kind of the innermost tunnel; `None` where there is
    /// no tunnel.
    pub fn outer(&self) -> Option<Outer> {
        let outermost = self.outermost?;
        let ((src, _), (dst, _)) = outermost.key.endpoints(outermost.direction);
        let mut innermost_first = self.tunnels.iter().rev().flatten();
        let innermost = innermost_first.next()?;
        let outer_tenant = innermost_first.next().and_then(Tunnel::tenant);
        Some(Outer {
            kind: innermost.kind.name(),
            tenant: innermost.tenant(),
            outer_tenant,
            src,
            dst,
        })
    }

    /// The kind of a tunnel that it came through and that the programs in the kernel do not open.
    pub fn unopened(&self) -> Option<&'static str> {
        Some(self.beyond_kernel?.name())
    }

    /// The kind of a tunnel in it that stays closed, though tunnels are looked into.
    pub fn closed(&self) -> Option<String> {
        if self.looks_inside { tunnel::closed(&self.source, &self.packet) } else { None }
    }
}
