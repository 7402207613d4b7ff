//! Protocols that carry applications of other names, by nDPI's numbers (`ndpi_protocol_ids.h`).

/// Those in which nDPI looks for the name of an application. In order: DNS, HTTP, POPS, SMTPS, DTLS,
/// IMAPS, STUN, TLS, `HTTP_Connect`, `HTTP_Proxy`, QUIC.
const CARRIERS: [u16; 11] = [5, 7, 23, 29, 30, 51, 78, 91, 130, 131, 188];

/// Those that carry any application, and whose category says nothing of it. In order: DNS, HTTP, DTLS,
/// VXLAN, Jabber, STUN, GRE, RTP, TLS, `HTTP_Connect`, `HTTP_Proxy`, GTP, RTCP, SOCKS, QUIC, `DoH_DoT`,
/// Teredo, WebSocket, `GTP_U`, SRTP, HTTP2.
const MERE_CARRIERS: [u16; 21] =
    [5, 7, 30, 64, 67, 78, 80, 87, 91, 130, 131, 152, 165, 172, 188, 196, 214, 251, 271, 338, 349];

/// Those that have a category of their own to give. In order: `NetBIOS`, POPS, SMTPS, IMAPS, `OpenVPN`,
/// `WireGuard`, FTPS.
pub(crate) const TELLING_CARRIERS: [u16; 7] = [10, 23, 29, 51, 159, 206, 311];

/// Whether nDPI looks into a protocol for the name of an application: a flow that is called by such a
/// protocol alone has no name of its own.
pub fn carries(protocol: u16) -> bool {
    CARRIERS.contains(&protocol)
}

/// Whether the category of a protocol says nothing of what it carries.
pub(crate) fn is_mere_carrier(protocol: u16) -> bool {
    MERE_CARRIERS.contains(&protocol)
}

/// Whether a protocol may carry applications of other names.
pub(crate) fn may_carry(protocol: u16) -> bool {
    carries(protocol) || is_mere_carrier(protocol) || TELLING_CARRIERS.contains(&protocol)
}
