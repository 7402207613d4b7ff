//! The outside of a tunnel.

use std::net::IpAddr;

use serde::Serialize;

/// The tunnel that a packet came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outer {
    /// Which kind it is: `gre`, `vxlan`, …
    pub kind: &'static str,
    /// The tenant, by the innermost tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<u32>,
    /// The tenant, by the tunnel around that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer_tenant: Option<u32>,
    /// Source address of the outermost packet.
    pub src: IpAddr,
    /// Its destination address.
    pub dst: IpAddr,
}
