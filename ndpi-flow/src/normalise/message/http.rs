//! The head of an HTTP/1 request (RFC 9112), as servers read it that forgive what the RFC lets them.

use ndpi_labels::Finding;

use super::host_lines::HostLines;
use super::kind::{Message, Whole};
use crate::normalise::host::long_name;
use crate::normalise::http2::PREFACE;
use crate::normalise::request::{
    Lines, Start, behind_empty_lines, has_usual_method, host_of_target, is_simple, names_version,
    words,
};

/// Reads a stream that may begin with a request. Its head is whole with the empty line behind it: nDPI takes the
/// last host that it finds in a packet, be that in the body.
pub(super) fn read(bytes: &[u8]) -> Message {
    read_head(bytes, false)
}

/// Reads a stream that may begin with a request of whose head no more can be kept: it is whole if it names a host
/// so far.
pub(super) fn read_beginning(bytes: &[u8]) -> Message {
    read_head(bytes, true)
}

fn read_head(bytes: &[u8], is_all: bool) -> Message {
    let head = behind_empty_lines(bytes);
    match Start::of(head) {
        Start::Request => {}
        Start::Perhaps => return Message::Unfinished,
        Start::Foreign => return Message::Foreign,
    }
    let mut lines = Lines(head);
    let Some(first) = lines.next() else { return Message::Unfinished };
    if is_simple(first.text) {
        return Message::Whole(simple(bytes.len() - lines.0.len(), first.text));
    }
    if !names_version(first.text) {
        return http2(bytes);
    }
    let (mut hosts, mut is_bare) = (HostLines::default(), first.is_bare);
    let is_ended = lines.by_ref().any(|line| {
        is_bare |= line.is_bare;
        hosts.take(line);
        line.text.is_empty()
    });
    let field = hosts.end().map(<[u8]>::to_vec);
    if !(is_ended || is_all && field.is_some()) {
        return Message::Unfinished;
    }
    let behind = if is_ended { lines.0.len() } else { 0 };
    let name = host_of_target(first.text).or(field.as_deref());
    let is_usual = !hosts.is_odd
        && name.map(<[u8]>::to_ascii_lowercase) == field.as_deref().map(<[u8]>::to_ascii_lowercase);
    let is_as_it_came =
        is_usual && is_usual_line(first.text) && !is_bare && head.len() == bytes.len();
    let head = &head[..head.len() - behind];
    Message::Whole(Whole {
        length: bytes.len() - behind,
        rewritten: (!is_as_it_came).then(|| rewrite(head, name)),
        is_nameless: name.is_none(),
        is_simple: false,
        long_name: name.and_then(long_name),
        finding: hosts.differ.then_some(Finding::Ambiguous),
    })
}

/// The preface of HTTP/2: what is behind it is not for nDPI to read.
fn http2(bytes: &[u8]) -> Message {
    if bytes.starts_with(PREFACE) {
        Message::Whole(Whole::of_all(bytes))
    } else if PREFACE.starts_with(bytes) {
        Message::Unfinished
    } else {
        Message::Foreign
    }
}

/// A request of one line, with the end of it `length` bytes, as one of HTTP/1.
fn simple(length: usize, line: &[u8]) -> Whole {
    let host = host_of_target(line).unwrap_or_default();
    let rewritten = [line.trim_ascii(), b" HTTP/1.0\r\nHost: ", host, b"\r\n\r\n"].concat();
    Whole {
        length,
        rewritten: Some(rewritten),
        is_nameless: false,
        is_simple: true,
        long_name: long_name(host),
        finding: None,
    }
}

/// Whether nDPI knows the line of a request for one.
fn is_usual_line(line: &[u8]) -> bool {
    has_usual_method(line) && line.split(|&byte| byte == b' ').eq(words(line))
}

/// The line of a request as nDPI knows it: with single spaces, and with a usual method in place of any other.
fn usual_line(line: &[u8]) -> Vec<u8> {
    let mut words: Vec<_> = words(line).collect();
    if let Some(method) = words.first_mut().filter(|_| !has_usual_method(line)) {
        *method = b"GET";
    }
    words.join(&b' ')
}

/// The head with the usual ends of lines, and one line for the host.
fn rewrite(head: &[u8], mut name: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(head.len() + 16);
    let (mut lines, mut hosts) = (Lines(head), HostLines::default());
    let mut put = |parts: [&[u8]; 2]| bytes.extend([parts[0], parts[1], b"\r\n"].concat());
    if let Some(first) = lines.next() {
        put([&usual_line(first.text), b""]);
    }
    for line in lines.by_ref() {
        let is_host = hosts.take(line);
        if (is_host || line.text.is_empty())
            && let Some(name) = name.take()
        {
            put([b"Host: ", name]);
        }
        if !is_host {
            put([line.text, b""]);
        }
    }
    bytes.extend_from_slice(lines.0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "GET / HTTP/1.1\r\nAccept: */*\r\nHost: www.example.org\r\nX: y\r\n\r\n";

    fn whole(text: &str) -> Whole {
        match read(text.as_bytes()) {
            Message::Whole(whole) => whole,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn rewritten(text: &str) -> String {
        let whole = whole(text);
        assert_eq!(whole.finding, None, "{text:?}");
        String::from_utf8(whole.rewritten.expect(text)).unwrap()
    }

    fn is_left_as_it_is(text: &str) -> bool {
        whole(text) == Whole::of_all(text.as_bytes())
    }

    #[test]
    fn a_usual_request_is_left_as_it_is_once_its_head_is_there() {
        for length in 1..USUAL.len() {
            assert_eq!(read(&USUAL.as_bytes()[..length]), Message::Unfinished, "{length}");
        }
        assert!(is_left_as_it_is(USUAL));
        let nameless = "GET / HTTP/1.0\r\n\r\n";
        let expected = Whole { is_nameless: true, ..Whole::of_all(nameless.as_bytes()) };
        assert_eq!(whole(nameless), expected);
    }

    #[test]
    fn a_head_that_is_too_long_is_taken_as_far_as_it_is_there() {
        let known = USUAL.find("X:").unwrap();
        for length in 1..USUAL.len() {
            let part = &USUAL.as_bytes()[..length];
            let expected = if length < known {
                Message::Unfinished
            } else {
                Message::Whole(Whole::of_all(part))
            };
            assert_eq!(read_beginning(part), expected, "{length}");
        }
    }

    #[test]
    fn what_is_behind_a_head_is_not_of_it() {
        for body in
            ["Host: other.example\r\n\r\n", "x", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"]
        {
            let expected = Whole::of_all(USUAL.as_bytes());
            assert_eq!(whole(&format!("{USUAL}{body}")), expected);
            let without = "POST / HTTP/1.0\r\n\r\n";
            assert_eq!(whole(&format!("{without}{body}")).length, without.len());
            let odd = whole(&format!("\r\n{USUAL}{body}"));
            assert_eq!((odd.length, odd.rewritten), (USUAL.len() + 2, Some(USUAL.into())));
        }
    }

    #[test]
    fn the_first_of_several_hosts_counts() {
        let with = |more: &str| USUAL.replace("X: y\r\n", &format!("X: y\r\n{more}"));
        let other = whole(&with("Host: other.example\r\n"));
        assert_eq!(other.rewritten, Some(USUAL.into()));
        assert_eq!(other.finding, Some(Finding::Ambiguous));
        assert_eq!(rewritten(&with("host: WWW.example.org\r\n")), USUAL, "the same twice");
    }

    #[test]
    fn a_host_may_go_on_in_the_next_line() {
        for folded in ["Host:\r\n www.example.org", "Host: \r\n\t \r\n www.example.org "] {
            assert_eq!(rewritten(&USUAL.replace("Host: www.example.org", folded)), USUAL);
        }
        let other = USUAL.replace("Accept: */*", "Accept:\r\n Host: other.example");
        assert!(is_left_as_it_is(&other), "the field before it");
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
    fn a_long_name_is_read_wherever_it_is() {
        let name = ["a".repeat(200), ".example.org".into()].concat();
        for head in [
            USUAL.replace("www.example.org", &name),
            USUAL.replace("www.example.org", &format!("{}:80", name.to_uppercase())),
            USUAL.replace("GET /", &format!("GET http://{name}/")),
            format!("GET http://{name}/\r\n"),
        ] {
            assert_eq!(whole(&head).long_name.as_deref(), Some(&*name), "{head}");
        }
    }

    #[test]
    fn any_word_is_a_method_and_any_spaces_are_one() {
        for method in ["SEARCH", "get", "X-y"] {
            assert_eq!(rewritten(&USUAL.replace("GET", method)), USUAL, "{method}");
        }
        assert_eq!(rewritten(&USUAL.replace("GET / ", "GET   /  ")), USUAL);
    }

    #[test]
    fn the_host_of_a_target_counts_in_any_form() {
        for (line, expected) in [
            ("GET https://other.example/ HTTP/1.1", "GET https://other.example/ HTTP/1.1"),
            ("GET  x-y://other.example HTTP/1.1", "GET x-y://other.example HTTP/1.1"),
            ("CONNECT other.example:443 HTTP/1.1", "CONNECT other.example:443 HTTP/1.1"),
        ] {
            let host = if line.starts_with('C') { "other.example:443" } else { "other.example" };
            let head = USUAL.replace("GET / HTTP/1.1", expected).replace("www.example.org", host);
            assert_eq!(rewritten(&USUAL.replace("GET / HTTP/1.1", line)), head);
        }
        for line in ["GET /?http://other.example/", "OPTIONS *", "GET http:/other.example"] {
            assert!(is_left_as_it_is(&USUAL.replace("GET /", line)), "{line}");
        }
    }

    #[test]
    fn a_request_of_one_line_is_one() {
        for line in ["GET http://www.example.org/", "GET http://www.example.org/HTTP/1.1"] {
            let read = whole(&format!("{line} \r\nHost: other.example\r\n"));
            assert_eq!(read.length, line.len() + 3);
            let expected = format!("{line} HTTP/1.0\r\nHost: www.example.org\r\n\r\n");
            assert_eq!(read.rewritten, Some(expected.into()));
        }
        for line in ["GET /\r\n", "PUT http://www.example.org/\r\n"] {
            assert_eq!(read(line.as_bytes()), Message::Foreign, "{line:?}");
        }
    }

    #[test]
    fn the_host_of_an_absolute_target_counts() {
        let absolute = |host: &str| USUAL.replace("GET /", &format!("GET HTTP://{host}/"));
        assert!(is_left_as_it_is(&absolute("www.example.org")));
        let other = absolute("user@other.example");
        assert_eq!(
            rewritten(&other),
            other.replace("Host: www.example.org", "Host: other.example")
        );
        let old = "GET http://www.example.org/ HTTP/1.0\r\nX: y\r\n";
        assert_eq!(
            rewritten(&format!("{old}\r\n")),
            format!("{old}Host: www.example.org\r\n\r\n"),
            "no field"
        );
    }

    #[test]
    fn the_preface_of_http_2_is_read_as_a_whole() {
        for length in 1..PREFACE.len() {
            assert_eq!(read(&PREFACE[..length]), Message::Unfinished, "{length}");
        }
        let begun = [PREFACE, b"\0\0\x12\x04"].concat();
        assert_eq!(read(&begun), Message::Whole(Whole::of_all(&begun)));
        assert_eq!(read(b"PRI * HTTP/2.0\r\n\r\nXX"), Message::Foreign);
    }

    #[test]
    fn other_protocols_are_foreign() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"\0\0",
            b"\r\nEHLO example.org\r\n",
            b"HELO host.example.org\r\n",
            b"OPTIONS sip:a@b SIP/2.0\r\n",
            b"INVITE sip:a@b SIP/2.0\r\n",
            b"PING\r\n",
            b"averylongwordthatnoservertakesforamethod",
        ] {
            assert_eq!(read(bytes), Message::Foreign, "{bytes:?}");
        }
    }
}
