//! `unbound.conf(5)`: `local-zone: "example.com" refuse`, which is about the names below, too, and
//! `local-data: "example.com A 0.0.0.0"`, which is not.

use std::net::IpAddr;

use super::line::{Give, Left, Line, Reach, blocks};

/// Kinds of zones that are not looked up elsewhere.
const BLOCKING: [&str; 10] = [
    "deny",
    "refuse",
    "static",
    "redirect",
    "inform_deny",
    "always_refuse",
    "always_nxdomain",
    "always_nodata",
    "always_deny",
    "always_null",
];

/// Reads a line; `None` if it is not of this kind.
pub(super) fn line<'t>(text: &'t str, give: Give<'_, 't>) -> Option<Line> {
    let (option, value) = text.split_once(':')?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    match option {
        "local-zone" => Some(zone(value, give)),
        "local-data" => Some(data(value, give)),
        "server" if value.is_empty() => Some(Line::Read),
        _ => None,
    }
}

fn zone<'t>(value: &'t str, give: Give<'_, 't>) -> Line {
    let Some((name, kind)) = value.rsplit_once(char::is_whitespace) else { return Line::Strange };
    let name = name.trim().trim_matches('"');
    match kind.trim_matches('"') {
        kind if BLOCKING.contains(&kind) => give(Reach::Tree, name),
        "always_transparent" => give(Reach::ExceptTree, name),
        _ => return Line::LeftOut(Left::Answer),
    }
    Line::Read
}

fn data<'t>(value: &'t str, give: Give<'_, 't>) -> Line {
    let record = value.trim_matches(['"', '\'']);
    let mut words = record.split_whitespace();
    let (Some(name), Some(address)) = (words.next(), words.last()) else { return Line::Strange };
    if !address.parse::<IpAddr>().is_ok_and(blocks) {
        return Line::LeftOut(Left::Answer);
    }
    give(Reach::AsWritten, name);
    Line::Read
}
