//! HTTP requests as servers take them that forgive.

use testkit::tcp::{Connection, Segment};

use super::{Way, assert_all};

const REQUEST: &str = "GET / HTTP/1.1\r\nUser-Agent: test\r\nHost: www.facebook.com\r\n\r\n";

/// A connection with this request in pieces of so many bytes, and its answer.
fn way(name: &'static str, connection: Connection, request: &str, piece: usize) -> Way {
    let mut segments: Vec<Segment> = connection.handshake().into();
    for (at, part) in (0..).step_by(piece).zip(request.as_bytes().chunks(piece)) {
        segments.push(connection.data(at, part));
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9000\r\n\r\n";
    segments.push(connection.answer(request.len(), answer));
    let sent = u32::try_from(answer.len()).unwrap();
    for at in 0..6 {
        let more = connection.answer(request.len(), &[b'x'; 100]);
        segments.push(Segment { sequence: more.sequence + sent + at * 100, ..more });
    }
    Way { name, segments }
}

#[test]
fn a_request_is_blocked_however_it_is_written() {
    assert_all(
        "ways-http",
        80,
        "drop",
        &[
            |to| way("as it is", to, REQUEST, 1000),
            |to| way("in small pieces", to, REQUEST, 7),
            |to| way("the method cut", to, REQUEST, 2),
            |to| way("after empty lines", to, &format!("\r\n\r\n{REQUEST}"), 1000),
            |to| way("with bare line feeds", to, &REQUEST.replace("\r\n", "\n"), 1000),
            |to| way("without a space", to, &REQUEST.replace(": www", ":www"), 1000),
            |to| way("with a tab", to, &REQUEST.replace(": www", ":\twww"), 1000),
            |to| way("with a dot", to, &REQUEST.replace(".com", ".com."), 1000),
            |to| {
                way(
                    "in odd letters",
                    to,
                    &REQUEST.replace("Host", "hOsT").replace("facebook", "FaceBook"),
                    1000,
                )
            },
            |to| {
                let body = "Host: www.example.com\r\n\r\n";
                way("with another host in its body", to, &format!("{REQUEST}{body}"), 1000)
            },
            |to| {
                let twice = REQUEST.replace("\r\n\r\n", "\r\nHost: www.example.com\r\n\r\n");
                way("with another host behind it", to, &twice, 1000)
            },
            |to| way("in the next line", to, &REQUEST.replace(": www", ":\r\n www"), 1000),
            |to| {
                let long = format!("Cookie: {}\r\nHost", "x".repeat(4500));
                way("behind a long field", to, &REQUEST.replace("Host", &long), 1400)
            },
            |to| {
                let host = "Host: www.facebook.com\r\n";
                let old =
                    REQUEST.replace("GET /", "GET http://www.facebook.com/").replace(host, "");
                way("in the target alone", to, &old, 1000)
            },
            |to| {
                let target = REQUEST.replace("GET /", "GET http://www.facebook.com/");
                way(
                    "in the target",
                    to,
                    &target.replace("Host: www.facebook.com", "Host: www.example.com"),
                    1000,
                )
            },
        ],
    );
    assert_all(
        "ways-http-innocent",
        80,
        "count",
        &[
            |to| way("another host", to, &REQUEST.replace("facebook", "example"), 1000),
            |to| {
                let (other, body) =
                    (REQUEST.replace("facebook", "example"), "Host: www.facebook.com\r\n");
                way("the host in the body", to, &format!("{other}{body}\r\n"), 1000)
            },
            |to| way("another host in pieces", to, &REQUEST.replace("facebook", "example"), 7),
        ],
    );
}
