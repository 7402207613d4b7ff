//! Connections to a real web server on which an allowed site is asked for first, and a blocked one then.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use testkit::program::PROGRAMS;

use super::site::{ALLOWED, BLOCKED, H2C, PAGE, SERVER, Site, byte_of};
use super::{ALL_PROGRAMS, AT_ONCE_OF_A_PAGE, SILENCE};
use crate::ready;

/// What HTTP/2 asks for without TLS is not read: whoever does not want that goes by blocks it.
const POLICY: &str =
    "[[rule]]\nname = \"the rule\"\napp = [\"Facebook\", \"HTTP2\"]\naction = \"drop\"\n";

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

/// How much arrives of the page of a site that is asked for in HTTP/2 without TLS, behind an allowed one on the same
/// connection.
fn asked_in_http2(site: &Site, name: &str) -> usize {
    let mut curl = site.pair.far_command("curl");
    curl.args(["--silent", "--noproxy", "*", "--http2-prior-knowledge"]);
    curl.args(["--max-time", &SILENCE.to_string()]);
    let to = format!("::{SERVER}:{H2C}");
    curl.args(["--connect-to", &to]);
    // Nothing but the head of the first.
    curl.args(["--head", &format!("http://{ALLOWED}/"), "--next", "--silent", "--noproxy", "*"]);
    curl.args(["--max-time", &SILENCE.to_string(), "--connect-to", &to]);
    curl.args(["--http2-prior-knowledge", &format!("http://{name}/")]);
    let output = curl.stdin(Stdio::null()).output().unwrap();
    page_in(&output.stdout, name)
}

#[test]
fn a_blocked_site_is_blocked_behind_an_allowed_one_on_a_real_server() {
    if !ready(&[&PROGRAMS[..], &ALL_PROGRAMS].concat()) {
        return;
    }
    let site = Site::new(true);
    assert_eq!(asked_behind(&site, BLOCKED, true), PAGE, "where nobody blocks");
    assert_eq!(asked_in_http2(&site, BLOCKED), PAGE, "where nobody blocks");
    let policy = site.pair.sandbox.file("policy.toml", POLICY);
    let _instance =
        site.pair.sandbox.start(&format!("run --iface left --json --policy {}", policy.display()));
    for is_apart in [true, false] {
        assert_eq!(asked_behind(&site, ALLOWED, is_apart), PAGE, "apart: {is_apart}");
        let arrived = asked_behind(&site, BLOCKED, is_apart);
        assert!(arrived <= AT_ONCE_OF_A_PAGE, "{arrived} bytes, apart: {is_apart}");
    }
    let arrived = asked_in_http2(&site, BLOCKED);
    assert!(arrived <= AT_ONCE_OF_A_PAGE, "{arrived} bytes, in HTTP/2");
}
