//! Tunnels that stay closed though tunnels are looked into: named, since their flows are not seen.

use ndpi_common::parse::{Captured, Packet, Source as _, ethertype, proto};

use super::erspan;

const ETHER_IP: u8 = 97;
const L2TP: u8 = 115;

/// UDP ports (IANA), by which a packet goes there, of tunnels that are not opened.
const PORTS: [(u16, &str); 7] = [
    (1701, "l2tp"),
    (3544, "teredo"),
    (4341, "lisp"),
    (4754, "gre-in-udp"),
    (5247, "capwap"),
    (6080, "gue"),
    (6635, "mpls-in-udp"),
];

/// Which tunnel `packet`, that was not opened, is the outside of; `None` where it is none, or where it
/// would be opened elsewhere: between other ends, or less deep.
pub(in crate::link) fn closed(source: &Captured<'_>, packet: &Packet) -> Option<String> {
    match packet.key.proto() {
        proto::GRE => gre(source.load(packet.payload)?, erspan::is_read(source, packet)),
        ETHER_IP => Some("etherip".into()),
        L2TP => Some("l2tp".into()),
        proto::UDP => udp(packet.ports().1),
        _ => None,
    }
}

fn udp(destination: u16) -> Option<String> {
    let known = PORTS.iter().find(|(port, _)| *port == destination)?;
    Some(known.1.to_owned())
}

/// `is_read` where it is of ERSPAN whose form is known: the frame inside has no flow, then.
fn gre([flags, version, a, b]: [u8; 4], is_read: bool) -> Option<String> {
    const ROUTING: u8 = 0x40;
    const PPTP: u8 = 1;
    let protocol = u16::from_be_bytes([a, b]);
    Some(match (version & 7, protocol) {
        (PPTP, _) => "pptp".into(),
        (0, erspan::TYPES_1_AND_2 | erspan::TYPE_3) if is_read => return None,
        (0, erspan::TYPES_1_AND_2 | erspan::TYPE_3) => "erspan of another form".into(),
        (0, _) if flags & ROUTING != 0 => "gre with a route".into(),
        // These are opened, where their ends and depth are those that were asked for.
        (
            0,
            ethertype::IPV4
            | ethertype::IPV6
            | ethertype::BRIDGED_ETHERNET
            | ethertype::MPLS
            | ethertype::MPLS_MULTICAST,
        ) => return None,
        (0, _) => format!("gre of protocol {protocol:#06x}"),
        _ => "gre of another version".into(),
    })
}
