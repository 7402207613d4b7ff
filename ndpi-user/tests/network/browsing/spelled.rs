//! Ways to write the head of a request that servers read like any other.

use super::ways::{For, Opening, Way, host, say, text};
use crate::client::Client;

/// All of them.
pub(super) const SPELLED: [(&str, For, Way); 6] = [
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
    ("in the version before", For::Http, |it| {
        say(it, |client| {
            client.write(text(it.first).replacen("HTTP/1.1", "HTTP/1.0", 1).as_bytes());
        })
    }),
];

/// Says it with another field for its host.
fn with_field(opening: &Opening<'_>, field: &str) -> Client {
    let usual = format!("Host: {}", host(opening.first));
    let head = text(opening.first).replacen(&usual, field, 1);
    say(opening, |client| client.write(head.as_bytes()))
}
