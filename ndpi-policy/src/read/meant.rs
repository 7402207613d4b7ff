//! Ports, ranges and networks as other programs write them, and how a policy writes the same.

use std::net::SocketAddr;

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets};

use super::value::{as_list, quoted};
use crate::host::{HostError, HostPattern};
use crate::names::nearest;
use crate::net::Net;
use crate::{proto, service};

/// What to write for a port whose name is not known.
pub(super) fn meant_port(name: &str) -> String {
    if ["any", "all"].contains(&name) {
        return "leave `port` out to match every port".to_owned();
    }
    if let Some((number, proto)) = port_of_protocol(name) {
        return format!("write `port = {number}` and `proto = \"{proto}\"`");
    }
    if name.contains(',') {
        return as_list("port", name);
    }
    match nearest(name, service::names()).first() {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => {
            "write a number, a range within \"0-65535\", or a name such as \"https\"".to_owned()
        }
    }
}

/// The site that a name or URL is, where something else was asked for.
pub(super) fn site(name: &str) -> Option<String> {
    let name = name.trim_start_matches("*.").trim_start_matches('.');
    let pattern = match HostPattern::parse(name) {
        Err(HostError::NotAName(inside)) => HostPattern::parse(&inside).ok()?,
        pattern => pattern.ok()?,
    };
    let (first, _) = pattern.name().split_once('.')?;
    let (_, top) = pattern.name().rsplit_once('.')?;
    // `TLS.Facebok` is a slip of the hand in a pair, which is written with capitals most often.
    let is_top = (2..=6).contains(&top.len()) && top.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_pair = ["tls", "quic", "http", "dns"].contains(&first)
        || name.split('.').skip(1).any(|label| {
            label.starts_with(char::is_uppercase)
                && !label.bytes().all(|byte| byte.is_ascii_uppercase())
        });
    let site = pattern.name();
    (is_top && !is_pair).then(|| site.strip_prefix("www.").unwrap_or(site).to_owned())
}

/// The halves of `tcp/443`, `443/tcp` and `tcp:443`.
fn port_of_protocol(name: &str) -> Option<(u16, &str)> {
    let (one, other) = name.split_once(['/', ':'])?;
    let halves = |number: &str, proto| Some((number.parse().ok()?, proto));
    let (number, proto) = halves(one, other).or_else(|| halves(other, one))?;
    proto::number(proto).map(|_| (number, proto))
}

/// What to write for a range that cannot be read.
pub(super) fn meant_range(key: &str, max: u16, text: &str) -> String {
    let usual = || format!("write a number, or a range within \"0-{max}\"");
    let text = text.trim();
    if text == "*" {
        return format!("leave `{key}` out to match all of them");
    }
    if text.contains(',') {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parts: Vec<_> =
            parts
                .map(|part| {
                    if part.parse::<u16>().is_ok() { part.to_owned() } else { format!("{part:?}") }
                })
                .collect();
        return format!("several stand in a list: {key} = [{}]", parts.join(", "));
    }
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let above = |text: &str| number(text)?.checked_add(1);
    let bounds = if let Some(text) = text.strip_prefix(">=") {
        number(text).map(|first| (first, max))
    } else if let Some(text) = text.strip_prefix('>') {
        above(text).map(|first| (first, max))
    } else if let Some(text) = text.strip_prefix("<=") {
        number(text).map(|last| (0, last))
    } else if let Some(text) = text.strip_prefix('<') {
        number(text).and_then(|end| end.checked_sub(1)).map(|last| (0, last))
    } else if let Some(text) = text.strip_suffix(['-', '+', ':']) {
        number(text).map(|first| (first, max))
    } else if let Some(text) = text.strip_prefix(['-', ':']) {
        number(text).map(|last| (0, last))
    } else {
        let apart = text.split_once("..").or_else(|| text.split_once([':', '–', '/']));
        apart.and_then(|(first, last)| Some((number(first)?, number(last)?)))
    };
    match bounds {
        Some((first, last)) if first <= last && last <= max => format!("write \"{first}-{last}\""),
        _ => usual(),
    }
}

/// What to write for a network that cannot be read, where that is certain.
pub(super) fn meant_net(entry: &str) -> Option<String> {
    if ["any", "all", "*", "everything", "anywhere"].contains(&entry) {
        return Some("leave it out to match every address".to_owned());
    }
    if entry == "localhost" {
        return Some("write [\"127.0.0.0/8\", \"::1\"]".to_owned());
    }
    if let Ok(endpoint) = entry.parse::<SocketAddr>() {
        let (ip, port) = (endpoint.ip(), endpoint.port());
        return Some(format!(
            "write the address alone, \"{ip}\", and `port = {port}` for the server's"
        ));
    }
    if entry.contains(',') {
        let parts: Vec<_> = entry.split(',').map(str::trim).collect();
        return Some(format!("several stand in a list: [{}]", quoted(&parts)));
    }
    if let Some(networks) = by_bounds(entry) {
        let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
        let quoted = quoted(&networks.iter().map(String::as_str).collect::<Vec<_>>());
        return Some(match networks.as_slice() {
            [_] => format!("write {quoted}"),
            _ => format!("a range is several networks: {quoted}"),
        });
    }
    let network = by_mask(entry).or_else(|| by_star(entry))?;
    Some(format!("write \"{network}\""))
}

/// `10.0.0.0/255.0.0.0`.
fn by_mask(entry: &str) -> Option<Net> {
    let (address, mask) = entry.split_once('/')?;
    let network = Ipv4Net::with_netmask(address.parse().ok()?, mask.parse().ok()?);
    Some(IpNet::V4(network.ok()?).into())
}

/// `192.168.1.*`, `192.168.1.` and `192.168.1`.
fn by_star(entry: &str) -> Option<Net> {
    let parts: Vec<_> = entry.split('.').take_while(|part| !matches!(*part, "*" | "")).collect();
    let rest = entry.split('.').skip(parts.len());
    let is_short =
        rest.clone().all(|part| matches!(part, "*" | "")) && (1..4).contains(&parts.len());
    // A number alone is no address.
    let is_short = is_short && (parts.len() > 1 || rest.count() > 0);
    is_short.then_some(())?;
    let mut octets = parts.clone();
    octets.resize(4, "0");
    Some(Net::parse(&format!("{}/{}", octets.join("."), 8 * parts.len())).ok()?.0)
}

/// `10.0.0.1-10.0.0.10`, as the networks that it is made of.
fn by_bounds(entry: &str) -> Option<Vec<Net>> {
    let (first, last) = entry.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let networks: Vec<_> =
        Ipv4Subnets::new(first, last, 0).map(|network| IpNet::V4(network).into()).collect();
    (!networks.is_empty()).then_some(networks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_other_programs_have_a_prefix_here() {
        for (entry, expected) in [
            ("10.0.0.0/255.0.0.0", Some("write \"10.0.0.0/8\"")),
            ("192.168.1.*", Some("write \"192.168.1.0/24\"")),
            ("192.168.*.*", Some("write \"192.168.0.0/16\"")),
            ("192.168.1", Some("write \"192.168.1.0/24\"")),
            ("10.", Some("write \"10.0.0.0/8\"")),
            ("10.0.0.0-10.0.0.255", Some("write \"10.0.0.0/24\"")),
            (
                "10.0.0.1:443",
                Some("write the address alone, \"10.0.0.1\", and `port = 443` for the server's"),
            ),
            ("any", Some("leave it out to match every address")),
            ("10.0.0.1, 10.0.0.2", Some("several stand in a list: [\"10.0.0.1\", \"10.0.0.2\"]")),
            ("10.0.0.0/255.0.255.0", None),
            (
                "1.2.3.4-1.2.3.10",
                Some(
                    "a range is several networks: \"1.2.3.4/30\", \"1.2.3.8/31\", \"1.2.3.10/32\"",
                ),
            ),
            ("0.0.0.0 - 255.255.255.255", Some("write \"0.0.0.0/0\"")),
            ("10.0.0.2-10.0.0.1", None),
            ("10", None),
            ("10.*.1.1", None),
            ("example.com", None),
        ] {
            assert_eq!(meant_net(entry).as_deref(), expected, "{entry}");
        }
    }

    #[test]
    fn ranges_of_other_programs_have_a_dash_here() {
        for (text, expected) in [
            ("8000:8100", "write \"8000-8100\""),
            ("8000..8100", "write \"8000-8100\""),
            (">1023", "write \"1024-65535\""),
            ("<= 1023", "write \"0-1023\""),
            ("1024-", "write \"1024-65535\""),
            (":1023", "write \"0-1023\""),
            ("80,443,8000-8100", "several stand in a list: port = [80, 443, \"8000-8100\"]"),
            ("*", "leave `port` out to match all of them"),
            ("9:8", "write a number, or a range within \"0-65535\""),
            ("<0", "write a number, or a range within \"0-65535\""),
        ] {
            assert_eq!(meant_range("port", u16::MAX, text), expected, "{text}");
        }
    }

    #[test]
    fn names_of_ports_are_found_near_by() {
        for (name, expected) in [
            ("HTTPS", "did you mean \"https\"?"),
            ("htttps", "did you mean \"https\"?"),
            ("tcp/443", "write `port = 443` and `proto = \"tcp\"`"),
            ("53/udp", "write `port = 53` and `proto = \"udp\"`"),
            ("http, https", "several stand in a list: port = [\"http\", \"https\"]"),
            ("any", "leave `port` out to match every port"),
        ] {
            assert_eq!(meant_port(name), expected, "{name}");
        }
    }
}
