//! Rules that ask for what no flow is on the wire: a port of ICMP, an IPv4 client of an IPv6 server.

use crate::app_pattern::AppPattern;
use crate::diagnose::{Place, Problem};
use crate::net::Net;
use crate::rule::{At, Matchers, Rule};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Applications that run over one of the two, by nDPI's numbers: `WireGuard`, DTLS, QUIC; SSH.
const ONE_TRANSPORT: [(u16, u8, &str); 4] =
    [(206, UDP, "UDP"), (30, UDP, "UDP"), (188, UDP, "UDP"), (92, TCP, "TCP")];

/// What no flow can be.
pub(super) fn impossible(rule: &Rule) -> Vec<Problem> {
    let asked = &rule.matchers;
    let never = |found: Option<(Place, Place, String)>, help: &str| {
        let (place, other, why) = found?;
        let message = format!("{:?} can never match: {why}", rule.name);
        Some(
            Problem::warning("never-matches", place, message)
                .related(other, "with this")
                .help(help),
        )
    };
    [
        never(port_without_ports(asked), "take `port` or `proto` out"),
        never(name_without_ports(asked), "take `proto` out, or write \"tcp\" and \"udp\" there"),
        never(families(asked), "make a rule for IPv4 and one for IPv6"),
    ]
    .into_iter()
    .flatten()
    .chain(http3_by_tcp(rule))
    .chain(other_transport(rule))
    .collect()
}

/// The protocols that a rule asks for, if it does and `any` is none of them.
fn protos_without<'m>(asked: &'m Matchers, any: &[u8]) -> Option<&'m At<u8>> {
    let protos = asked.proto.as_deref()?;
    let none = !protos.iter().any(|at| any.contains(&at.value));
    protos.first().filter(|_| none)
}

/// Only flows of TCP and UDP have ports; of others they are 0.
fn port_without_ports(asked: &Matchers) -> Option<(Place, Place, String)> {
    let proto = protos_without(asked, &[TCP, UDP])?;
    let ports = asked.port.as_deref()?;
    let port = ports.first().filter(|_| !ports.iter().any(|at| at.value.contains(&0)))?;
    Some((port.place, proto.place, "only TCP and UDP have ports".to_owned()))
}

/// Names and what TLS says come by TCP and UDP.
fn name_without_ports(asked: &Matchers) -> Option<(Place, Place, String)> {
    let proto = protos_without(asked, &[TCP, UDP])?;
    let first = |list: &Option<Vec<At<String>>>| list.as_ref()?.first().map(|at| at.place);
    let host = asked.host.as_ref().and_then(|list| list.first()).map(|at| at.place);
    let keys = [("host", host), ("alpn", first(&asked.alpn)), ("ja4", first(&asked.ja4))];
    let (key, place) = keys.into_iter().find_map(|(key, place)| Some((key, place?)))?;
    Some((place, proto.place, format!("only flows of TCP and UDP have what `{key}` asks for")))
}

/// Both ends of a flow have addresses of one family.
fn families(asked: &Matchers) -> Option<(Place, Place, String)> {
    let ends = [("src", &asked.src), ("dst", &asked.dst), ("any", &asked.any)];
    let listed = ends.into_iter().filter_map(|(key, list)| Some((key, list.as_deref()?)));
    let one: Vec<_> = listed.filter_map(|(key, list)| Some((key, family(list)?))).collect();
    let (key, first) = one.first()?;
    let (other, at) = one.iter().find(|(_, at)| is_v4(at) != is_v4(first))?;
    let name = |at: &At<Net>| if is_v4(at) { "IPv4" } else { "IPv6" };
    let (a, b) = (name(first), name(at));
    Some((
        at.place,
        first.place,
        format!("`{key}` is {a} and `{other}` is {b}, and no flow is both"),
    ))
}

/// The first of networks that are all of one family.
fn family(list: &[At<Net>]) -> Option<&At<Net>> {
    let first = list.first()?;
    list.iter().all(|at| is_v4(at) == is_v4(first)).then_some(first)
}

fn is_v4(at: &At<Net>) -> bool {
    at.value.is_ipv4()
}

/// HTTP/3 is spoken over QUIC, and that over UDP (RFC 9114, section 3).
fn http3_by_tcp(rule: &Rule) -> Option<Problem> {
    let proto = protos_without(&rule.matchers, &[UDP])?;
    let alpn = rule.matchers.alpn.as_deref()?;
    let first = alpn.first().filter(|_| alpn.iter().all(|at| at.value.starts_with("h3")))?;
    let message = format!("{:?} may never match: {:?} is HTTP/3, over UDP", rule.name, first.value);
    let problem = Problem::hint("other-transport", first.place, message);
    Some(problem.related(proto.place, "with this").help("write `proto = \"udp\"`, or take it out"))
}

fn other_transport(rule: &Rule) -> Option<Problem> {
    let apps = rule.matchers.app.as_deref()?;
    let bound = |at: &At<AppPattern>| {
        let mut all = ONE_TRANSPORT.into_iter();
        let id = match at.value {
            AppPattern::Either(id) => id,
            AppPattern::Pair(pair) => pair.master,
        };
        all.find(|(app, ..)| *app == id)
            .filter(|it| protos_without(&rule.matchers, &[it.1]).is_some())
    };
    let found: Option<Vec<_>> = apps.iter().map(bound).collect();
    let (_, transport, name) = *found?.first()?;
    let proto = protos_without(&rule.matchers, &[transport])?;
    let message = format!("{:?} may never match: what `app` asks for runs over {name}", rule.name);
    let problem = Problem::hint("other-transport", apps[0].place, message);
    let help = format!("write `proto = \"{}\"`, or take it out", name.to_lowercase());
    Some(problem.related(proto.place, "with this").help(help))
}
