//! What was found in a captured packet.

use ndpi_common::parse::{self, Captured, MAX_DEPTH};

use super::tunnel::{self, Kind};
use super::{Outer, Tunnels};
use crate::flow::{Tenant, TenantId};
use crate::sample::Sample;

/// A packet with a flow, and the tunnels on the way to it.
#[derive(Debug)]
pub struct Looked<'a> {
    /// The packet, or the innermost one in tunnels.
    packet: parse::Packet,
    /// The outermost one, and the innermost tunnel, where there is one.
    through: Option<(parse::Packet, Kind)>,
    /// A tunnel that the programs in the kernel do not open.
    beyond_kernel: Option<Kind>,
    tenant: Tenant,
    ids: [TenantId; MAX_DEPTH as usize],
    /// Whether tunnels are looked into.
    looks_inside: bool,
    /// The bytes that offsets count in.
    source: Captured<'a>,
}

impl<'a> Looked<'a> {
    /// A packet that is not in a tunnel.
    #[inline]
    pub(super) fn plain(packet: parse::Packet, source: Captured<'a>) -> Self {
        let (ids, tenant) = Default::default();
        let (through, beyond_kernel, looks_inside) = (None, None, false);
        Self { packet, through, beyond_kernel, tenant, ids, looks_inside, source }
    }

    /// Looks into tunnels, as far as they go.
    pub(super) fn look_into(&mut self, tunnels: &Tunnels) {
        let outermost = self.packet;
        for level in 0..MAX_DEPTH as usize {
            let Some((entrance, inner)) = tunnels.open(&self.source, &self.packet) else { break };
            self.packet = inner;
            self.through = Some((outermost, entrance.kind));
            self.ids[level] = entrance.tenant;
            if !entrance.in_kernel {
                self.beyond_kernel.get_or_insert(entrance.kind);
            }
        }
        self.tenant = Tenant::new(self.ids);
        self.looks_inside = tunnels.are_open();
    }

    /// How the packet is part of a larger one.
    pub(super) fn fragment(&self) -> parse::Fragment {
        self.packet.fragment
    }

    /// The sample that it makes, seen at `time_ns` nanoseconds since the Unix epoch.
    #[inline]
    pub fn sample(&self, time_ns: u64) -> Sample<'a> {
        let (packet, data) = (&self.packet, self.source.bytes);
        let end = (packet.end as usize).min(data.len());
        Sample {
            tenant: self.tenant,
            bytes: packet.ip_len(),
            tcp_flags: packet.tcp_flags,
            empty: packet.tcp_flags != 0 && packet.payload >= packet.end,
            ..Sample::new(packet.key, packet.direction, time_ns, &data[packet.l3 as usize..end])
        }
    }

    /// The outermost packet's ends, where it is in a tunnel. The kind is that of the innermost one.
    pub fn outer(&self) -> Option<Outer> {
        let (outer, kind) = self.through?;
        let ((src, _), (dst, _)) = outer.key.endpoints(outer.direction);
        let depth = usize::from(self.packet.key.tunnel()).min(self.ids.len());
        let mut innermost_first = self.ids[..depth].iter().rev().copied().map(TenantId::number);
        let tenant = innermost_first.next().flatten();
        let outer_tenant = innermost_first.next().flatten();
        Some(Outer { kind: kind.name(), tenant, outer_tenant, src, dst })
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
