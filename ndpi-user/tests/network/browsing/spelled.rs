//! Ways to write the head of a request that servers read like any other.

use super::ways::{For, Opening, Way, host, say, settle, text};
use crate::client::Client;

/// All of them.
pub(super) const SPELLED: [(&str, For, Way); 14] = [
    ("in odd letters", For::Http, |it| {
        let odd: String = host(it.first)
            .char_indices()
            .map(|(at, letter)| if at % 2 == 0 { letter.to_ascii_uppercase() } else { letter })
            .collect();
        with_field(it, &format!("hOsT: {odd}"))
    }),
    ("without a space before the host", For::Http, |it| {
        with_field(it, &format!("Host:{}", host(it.first)))
    }),
    ("with many spaces around the host", For::Http, |it| {
        with_field(it, &format!("Host:     {}   ", host(it.first)))
    }),
    ("in one line", For::Http, |it| {
        let line = format!("GET http://{}/\r\n", host(it.first));
        say(it, |client| client.write(line.as_bytes()))
    }),
    ("with a port", For::Http, |it| with_field(it, &format!("Host: {}:80", host(it.first)))),
    ("in the version before", For::Http, |it| with_version(it, "HTTP/1.0")),
    ("behind many fields", For::Http, |it| {
        // More than is kept, in fewer packets than are shown, none of which is cut.
        let fields = format!("X-Y: {}\r\n", "z".repeat(600)).repeat(16);
        let named = format!("{fields}Host: {}", host(it.first));
        let head = text(it.first).replacen(&format!("Host: {}", host(it.first)), &named, 1);
        say(it, |client| {
            for piece in head.as_bytes().chunks(4000) {
                client.write(piece);
                settle();
            }
        })
    }),
    ("before a body that asks for another", For::Http, |it| {
        let body = text(it.decoy);
        let field = format!("Host: {}\r\nContent-Length: {}", host(it.first), body.len());
        let head = text(it.first).replacen(&format!("Host: {}", host(it.first)), &field, 1);
        say(it, |client| client.write(format!("{head}{body}").as_bytes()))
    }),
    ("with spaces behind the version", For::Http, |it| with_version(it, "HTTP/1.1  ")),
    ("in a later version", For::Http, |it| with_version(it, "HTTP/1.2")),
    ("with a dot and a port", For::Http, |it| {
        with_field(it, &format!("Host: {}.:80", host(it.first)))
    }),
    ("behind many empty lines", For::Http, |it| {
        let behind = format!("{}{}", "\r\n".repeat(1500), text(it.first));
        say(it, |client| client.write(behind.as_bytes()))
    }),
    ("between fields that name another", For::Http, |it| {
        let (own, other) = (host(it.first), host(it.decoy));
        let before = format!("X-Host: {other}\r\nReferer: http://{other}/\r\n");
        with_field(it, &format!("{before}Host: {own}\r\nForwarded: host={other}"))
    }),
    ("with another in the path", For::Http, |it| {
        let target = format!("GET //{}/?http://{0}/", host(it.decoy));
        let head = text(it.first).replacen("GET /", &target, 1);
        say(it, |client| client.write(head.as_bytes()))
    }),
];

/// Says it with another field for its host.
fn with_field(opening: &Opening<'_>, field: &str) -> Client {
    let usual = format!("Host: {}", host(opening.first));
    let head = text(opening.first).replacen(&usual, field, 1);
    say(opening, |client| client.write(head.as_bytes()))
}

/// Says it in another version.
fn with_version(opening: &Opening<'_>, version: &str) -> Client {
    let head = text(opening.first).replacen("HTTP/1.1", version, 1);
    say(opening, |client| client.write(head.as_bytes()))
}
