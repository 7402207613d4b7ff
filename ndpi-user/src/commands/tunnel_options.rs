//! Which tunnels are looked into, for every command that does.

use std::num::NonZeroU16;

use clap::Args;
use ipnet::IpNet;
use ndpi_capture::link::Tunnels;
use ndpi_common::Switches;

use super::network::network;

/// Which tunnels are looked into.
#[derive(Args, Clone, Debug)]
pub struct TunnelOptions {
    /// Look into tunnels: GRE, IP in IP, VXLAN, Geneve, GTP-U; `pcap` also into ERSPAN, and VXLAN on
    /// other ports. In the kernel a tunnel's verdict comes first, and where it lets a packet pass, that of
    /// the flow inside decides; `pcap` shows only the flows inside
    #[arg(long)]
    tunnels: bool,

    /// Look only into tunnels with both ends in these addresses or networks; others are plain flows. May
    /// be given several times
    #[arg(long, value_name = "NETWORK", value_parser = network, requires = "tunnels")]
    tunnel_ends: Vec<IpNet>,
}

/// Which tunnels are looked into in captures.
#[derive(Args, Clone, Debug)]
pub struct CaptureTunnelOptions {
    #[command(flatten)]
    common: TunnelOptions,

    /// Look for VXLAN on this UDP port too, beside 4789, 8472 and 4790 (VXLAN-GPE). May be given several
    /// times. The programs in the kernel know 4789 alone: `replay` counts what they leave unopened
    #[arg(long, value_name = "PORT", requires = "tunnels")]
    vxlan_port: Vec<NonZeroU16>,
}

impl CaptureTunnelOptions {
    /// Those that are looked into.
    pub(super) fn tunnels(&self) -> Tunnels {
        let ports = self.vxlan_port.iter().map(|port| port.get());
        self.common.tunnels().with_vxlan_ports(ports)
    }

    /// The switches for the kernel.
    pub(super) fn switches(&self) -> u32 {
        self.common.switches()
    }
}

impl TunnelOptions {
    /// Those that are looked into.
    pub(super) fn tunnels(&self) -> Tunnels {
        if self.tunnels { Tunnels::between(&self.tunnel_ends) } else { Tunnels::all(false) }
    }

    /// The switches for the kernel.
    pub(super) fn switches(&self) -> u32 {
        let ends = if self.tunnel_ends.is_empty() { 0 } else { Switches::TUNNEL_ENDS };
        if self.tunnels { Switches::TUNNELS | ends } else { 0 }
    }
}
