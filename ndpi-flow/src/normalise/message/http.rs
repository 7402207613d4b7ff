//! The head of an HTTP/1 request (RFC 9112), as servers read it that forgive what the RFC lets them.

use super::kind::Message;
use crate::normalise::request::{
    Line, Lines, Start, behind_empty_lines, host_of_target, names_version,
};

const HOST: &[u8] = b"host";

/// Reads a stream that may begin with a request. A request is whole when its host is known.
pub(super) fn read(bytes: &[u8]) -> Message {
    let head = behind_empty_lines(bytes);
    match Start::of(head) {
        Start::Request => {}
        Start::Perhaps => return Message::Unfinished,
        Start::Foreign => return Message::Foreign,
    }
    let mut lines = Lines(head);
    let Some(first) = lines.next() else { return Message::Unfinished };
    if !names_version(first.text) {
        return Message::Foreign;
    }
    let Some(host) = lines.by_ref().find_map(Field::host_or_end) else {
        return Message::Unfinished;
    };
    let Field::Host(host) = host else { return Message::Whole };
    let target_host = host_of_target(first.text);
    let name = target_host.unwrap_or(host.value);
    let is_usual = host.is_usual && name.eq_ignore_ascii_case(host.value);
    let known = head.len() - lines.0.len();
    if head.len() == bytes.len() && is_usual && !has_bare_ends(&head[..known]) {
        return Message::Whole;
    }
    Message::Rewritten(rewrite(head, host.line, name), None)
}

/// The head with the usual ends of lines, and one line for the host.
fn rewrite(head: &[u8], host_line: &[u8], name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(head.len() + 16);
    let mut lines = Lines(head);
    for line in lines.by_ref() {
        if std::ptr::eq(line.text, host_line) {
            bytes.extend_from_slice(b"Host: ");
            bytes.extend_from_slice(name);
        } else {
            bytes.extend_from_slice(line.text);
        }
        bytes.extend_from_slice(b"\r\n");
        if line.text.is_empty() {
            break;
        }
    }
    bytes.extend_from_slice(lines.0);
    bytes
}

fn has_bare_ends(head: &[u8]) -> bool {
    Lines(head).any(|line| line.is_bare)
}

/// What ends the search for a host.
enum Field<'a> {
    Host(Host<'a>),
    End,
}

struct Host<'a> {
    line: &'a [u8],
    value: &'a [u8],
    is_usual: bool,
}

impl<'a> Field<'a> {
    fn host_or_end(line: Line<'a>) -> Option<Self> {
        if line.text.is_empty() {
            return Some(Self::End);
        }
        let (name, value) = line.field()?;
        let trimmed = value.trim_ascii();
        let is_usual = name.trim_ascii().len() == name.len() && value.len() == trimmed.len() + 1;
        let host = Host { line: line.text, value: trimmed, is_usual };
        name.trim_ascii().eq_ignore_ascii_case(HOST).then_some(Self::Host(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "GET / HTTP/1.1\r\nAccept: */*\r\nHost: www.example.org\r\nX: y\r\n\r\n";

    fn rewritten(text: &str) -> String {
        match read(text.as_bytes()) {
            Message::Rewritten(bytes, None) => String::from_utf8(bytes).unwrap(),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn a_usual_request_is_left_as_it_is_once_its_host_is_there() {
        let known = USUAL.find("X:").unwrap();
        for length in 1..=USUAL.len() {
            let expected = if length < known { Message::Unfinished } else { Message::Whole };
            assert_eq!(read(&USUAL.as_bytes()[..length]), expected, "{length}");
        }
        assert_eq!(read(b"GET / HTTP/1.0\r\n\r\n"), Message::Whole, "no host");
    }

    #[test]
    fn what_servers_forgive_is_made_usual() {
        assert_eq!(rewritten(&format!("\r\n\n{USUAL}")), USUAL);
        assert_eq!(rewritten(&USUAL.replace("\r\n", "\n")), USUAL);
        for odd in ["Host:www.example.org", "Host:\t www.example.org ", "hOST : www.example.org"] {
            assert_eq!(rewritten(&USUAL.replace("Host: www.example.org", odd)), USUAL);
        }
    }

    #[test]
    fn the_host_of_an_absolute_target_counts() {
        let absolute = |host: &str| USUAL.replace("GET /", &format!("GET HTTP://{host}/"));
        assert_eq!(read(absolute("www.example.org").as_bytes()), Message::Whole);
        let other = absolute("user@other.example");
        assert_eq!(
            rewritten(&other),
            other.replace("Host: www.example.org", "Host: other.example")
        );
    }

    #[test]
    fn other_protocols_are_foreign() {
        for bytes in [
            &b"SSH-2.0"[..],
            b"\0\0",
            b"GEX",
            b"\r\nEHLO",
            b"OPTIONS sip:a@b SIP/2.0\r\n",
            b"POSTPONE",
        ] {
            assert_eq!(read(bytes), Message::Foreign, "{bytes:?}");
        }
    }
}
