//! Connections to a real web server on which an allowed site is asked for first, and a blocked one then.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use testkit::program::PROGRAMS;

use super::site::{ALLOWED, BLOCKED, H2C, PAGE, SERVER, Site, byte_of};
use super::{ALL_PROGRAMS, AT_ONCE_OF_A_PAGE, SILENCE};
use crate::ready;

const POLICY: &str = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";

/// What is asked for before: nothing but the head of a page, with a body that says how long it is, and with one in chunks.
const BEFORE: [(&str, &str, &str); 3] = [
    ("HEAD /", "", ""),
    ("POST /1", "Content-Length: 41\r\n", "GET / HTTP/1.1\r\nHost: of.a.body.example\r\n"),
    (
        "POST /2",
        "Transfer-Encoding: chunked\r\n",
        "5\r\nhello\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n",
    ),
];

/// A client, and what it has read ahead.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    fn ask(&mut self, request: &str) {
        self.stream.write_all(request.as_bytes()).unwrap();
    }

    /// Reads more; false where no more comes.
    fn more(&mut self) -> bool {
        let mut buffer = vec![0; 1 << 16];
        let length = self.stream.read(&mut buffer).unwrap_or(0);
        self.read.extend(&buffer[..length]);
        length > 0
    }

    /// Takes one answer.
    fn answer(&mut self, has_body: bool) {
        let head = loop {
            let end = self.read.windows(4).position(|it| it == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => assert!(self.more(), "no answer"),
            }
        };
        let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
        let length = text.split("content-length: ").nth(1).and_then(|it| it.lines().next());
        let length = length.filter(|_| has_body).map_or(0, |it| it.parse().unwrap());
        while self.read.len() < head + length {
            assert!(self.more(), "half an answer");
        }
        self.read.drain(..head + length);
    }

    /// How much arrives of the page of a site.
    fn page(&mut self, name: &str) -> usize {
        while self.more() {}
        page_in(&self.read, name)
    }
}

/// How much there is in one piece of the page of a site.
fn page_in(bytes: &[u8], name: &str) -> usize {
    bytes.split(|byte| *byte != byte_of(name)).map(<[u8]>::len).max().unwrap_or(0)
}

/// How much arrives of the page of a site that is asked for behind others, on one connection: apart from them, or in one
/// go with the last of them.
fn asked_behind(site: &Site, name: &str, is_apart: bool) -> usize {
    let stream = site.pair.far(|| TcpStream::connect((SERVER, 80)).unwrap());
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(SILENCE.into()))).unwrap();
    let mut client = Client { stream, read: Vec::new() };
    let get = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    let [.., (last, ..)] = BEFORE;
    for (what, field, body) in BEFORE {
        let before = format!("{what} HTTP/1.1\r\nHost: {ALLOWED}\r\n{field}\r\n{body}");
        if what == last && !is_apart {
            client.ask(&format!("{before}{get}"));
            return client.page(name);
        }
        client.ask(&before);
        client.answer(!what.starts_with("HEAD"));
    }
    client.ask(&get);
    client.page(name)
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A request for the page of a site with a method; its fields may be referred to later (RFC 7541, section 6.2.1).
fn http2_request(stream: u8, method: &str, name: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let fields = [&[0x86, 0x84, 0x42], &text(method)[..], &[0x41], &text(name)].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields)
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The setting that says how much a stream may send unasked.
const INITIAL_WINDOW: u8 = 4;

/// The frames that are there whole: kind, stream and payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, &[u8])> {
    let mut frames = Vec::new();
    while let [0, middle, low, kind, _, _, _, _, stream, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*middle, *low]));
        let Some((payload, others)) = rest.split_at_checked(length) else { break };
        frames.push((*kind, *stream, payload));
        bytes = others;
    }
    frames
}

/// How much arrives of the page of a site that is asked for in HTTP/2 without TLS, behind nothing but the head of another
/// on the same connection.
fn asked_in_http2(site: &Site, before: &str, name: &str) -> usize {
    let stream = site.pair.far(|| TcpStream::connect((SERVER, H2C)).unwrap());
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(SILENCE.into()))).unwrap();
    let mut client = Client { stream, read: Vec::new() };
    let window = [0, 16, 0, 0];
    let opening = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[&[0, INITIAL_WINDOW][..], &window].concat()),
        frame(WINDOW_UPDATE, 0, 0, &window),
        http2_request(1, "HEAD", before),
    ];
    client.stream.write_all(&opening.concat()).unwrap();
    let is_answered =
        |client: &Client| frames(&client.read).iter().any(|it| (it.0, it.1) == (HEADERS, 1));
    while !is_answered(&client) {
        if !client.more() {
            return 0;
        }
    }
    client.stream.write_all(&http2_request(3, "GET", name)).unwrap();
    let page = |client: &Client| -> usize {
        let pages = frames(&client.read).into_iter().filter(|it| (it.0, it.1) == (DATA, 3));
        pages.map(|it| page_in(it.2, name)).sum()
    };
    while page(&client) < PAGE && client.more() {}
    page(&client)
}

#[test]
fn a_blocked_site_is_blocked_behind_an_allowed_one_on_a_real_server() {
    if !ready(&[&PROGRAMS[..], &ALL_PROGRAMS].concat()) {
        return;
    }
    let site = Site::new(true);
    assert_eq!(asked_behind(&site, BLOCKED, true), PAGE, "where nobody blocks");
    assert_eq!(asked_in_http2(&site, ALLOWED, BLOCKED), PAGE, "where nobody blocks");
    let policy = site.pair.sandbox.file("policy.toml", POLICY);
    let _instance =
        site.pair.sandbox.start(&format!("run --iface left --json --policy {}", policy.display()));
    for is_apart in [true, false] {
        assert_eq!(asked_behind(&site, ALLOWED, is_apart), PAGE, "apart: {is_apart}");
        let arrived = asked_behind(&site, BLOCKED, is_apart);
        assert!(arrived <= AT_ONCE_OF_A_PAGE, "{arrived} bytes, apart: {is_apart}");
    }
    assert_eq!(asked_in_http2(&site, ALLOWED, ALLOWED), PAGE, "in HTTP/2");
    for before in [ALLOWED, BLOCKED] {
        let name = if before == ALLOWED { BLOCKED } else { ALLOWED };
        let arrived = asked_in_http2(&site, before, name);
        assert!(arrived <= AT_ONCE_OF_A_PAGE, "{arrived} bytes, in HTTP/2 behind {before}");
    }
}
