//! The head of a request: its hosts, and what says how long its body is.

use super::super::host::{MOST_HOSTS, host_name};
use super::super::request::{
    Lines, Start, behind_empty_lines, host_of_target, is_simple, names_version,
};
use super::body::{Body, Framing};

/// What bytes at the place of a head are.
pub(super) enum Reading {
    /// The beginning of one, which asks for these hosts so far.
    Unfinished(Vec<Box<str>>),
    /// One.
    Whole(Head),
    /// None.
    Foreign,
}

/// A head.
pub(super) struct Head {
    /// Which hosts it asks for: one, if it is as it should be.
    pub(super) hosts: Vec<Box<str>>,
    /// How many bytes it has, with the empty lines before it.
    pub(super) length: usize,
    /// What follows it.
    pub(super) body: Body,
    /// Whether the server is asked first if it wants that.
    pub(super) is_awaited: bool,
}

/// Reads the first of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let head = behind_empty_lines(bytes);
    match Start::of(head) {
        Start::Request => {}
        Start::Perhaps => return Reading::Unfinished(Vec::new()),
        Start::Foreign => return Reading::Foreign,
    }
    let mut lines = Lines(head);
    let Some(request) = lines.next() else { return Reading::Unfinished(Vec::new()) };
    let target = host_of_target(request.text).and_then(host_name);
    if is_simple(request.text) {
        let (hosts, length) = (Vec::from_iter(target), bytes.len() - lines.0.len());
        return Reading::Whole(Head { hosts, length, body: Body::None, is_awaited: false });
    }
    if !names_version(request.text) {
        return Reading::Foreign;
    }
    let (mut hosts, mut framing) = (Vec::from_iter(target), Framing::default());
    let is_target = !hosts.is_empty();
    let mut is_host = false;
    for line in lines.by_ref() {
        if line.text.is_empty() {
            let length = bytes.len() - lines.0.len();
            let (body, is_awaited) = (framing.body(), framing.is_awaited());
            return Reading::Whole(Head { hosts, length, body, is_awaited });
        }
        // A field may go on in the next line (RFC 9112, section 5.2).
        let goes_on = line.text.first().is_some_and(|byte| b" \t".contains(byte));
        let (name, value) = match line.field() {
            _ if goes_on => (&b""[..], line.text),
            Some(field) => field,
            None => continue,
        };
        is_host = goes_on && is_host || name.trim_ascii().eq_ignore_ascii_case(b"host");
        if is_host {
            // A host in the target counts more.
            hosts.extend(host_name(value).filter(|_| !is_target && hosts.len() < MOST_HOSTS));
        } else if !goes_on {
            framing.note(name, value);
        }
    }
    Reading::Unfinished(hosts)
}
