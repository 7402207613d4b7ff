//! `hosts(5)`: an address, and the names that it is given for.

use std::net::{IpAddr, Ipv4Addr};

use super::line::{Give, Left, Line, Reach, blocks};

/// Names that such files give this machine and its networks, for its own use.
const OWN: [&str; 13] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
];

/// The address by which Debian's installer gives a machine its own name.
const ITSELF: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1));

/// Reads a line without its comment; `None` if it is not of this kind.
pub(super) fn line<'t>(text: &'t str, give: Give<'_, 't>) -> Option<Line> {
    let (address, names) = text.split_once(char::is_whitespace)?;
    let address = match address.split('%').next().unwrap_or_default() {
        // The short form of 0.0.0.0 (inet_aton(3)).
        "0" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        address => address.parse().ok()?,
    };
    let others = names.split_whitespace().filter(|name| !OWN.contains(name) && *name != "0.0.0.0");
    if address == ITSELF {
        return Some(Line::Read);
    }
    if !blocks(address) {
        return Some(if others.count() == 0 { Line::Read } else { Line::LeftOut(Left::Answer) });
    }
    others.for_each(|name| give(Reach::AsWritten, name));
    Some(Line::Read)
}
