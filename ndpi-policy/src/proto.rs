//! Names of IP protocols (IANA, "Assigned Internet Protocol Numbers").

/// The protocols a policy can name; any other by its number.
const NAMES: [(&str, u8); 12] = [
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("udp", 17),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("ospf", 89),
    ("sctp", 132),
];

/// The names a policy may use.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// The number of a protocol's name, in any case.
pub(super) fn number(name: &str) -> Option<u8> {
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
}

/// A protocol as a policy writes it.
pub(super) fn show(proto: u8) -> String {
    let name = NAMES.iter().find(|(_, number)| *number == proto).map(|(name, _)| *name);
    name.map_or_else(|| proto.to_string(), str::to_owned)
}
