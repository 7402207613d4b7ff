//! Requests for another host on a connection that an allowed one has opened.

use testkit::tcp::{Connection, Segment};

use super::{Way, assert_all};

const FIRST: &str = "GET / HTTP/1.1\r\nUser-Agent: test\r\nHost: www.example.com\r\n\r\n";
const SECOND: &str = "GET / HTTP/1.1\r\nUser-Agent: test\r\nHost: www.facebook.com\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello";

/// A connection, as its ends send it.
struct Talk {
    connection: Connection,
    segments: Vec<Segment>,
    /// How many bytes the client and the server have sent.
    sent: usize,
    answered: usize,
}

impl Talk {
    /// One whose first request was answered, so that its verdict stands.
    fn new(connection: Connection, first: &str) -> Self {
        let segments = connection.handshake().into();
        let mut talk = Self { connection, segments, sent: 0, answered: 0 };
        talk.send(first.as_bytes());
        for _ in 0..8 {
            talk.answer();
        }
        talk
    }

    /// What the client would send next, `ahead` bytes further.
    fn segment(&self, ahead: usize, bytes: &[u8]) -> Segment {
        let at = i32::try_from(self.sent + ahead).unwrap();
        let acknowledged = self.connection.server + 1 + u32::try_from(self.answered).unwrap();
        Segment { acknowledged, ..self.connection.data(at, bytes) }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.segments.push(self.segment(0, bytes));
        self.sent += bytes.len();
    }

    fn send_in(&mut self, piece: usize, bytes: &[u8]) {
        for part in bytes.chunks(piece) {
            self.send(part);
        }
    }

    fn answer(&mut self) {
        let answer = self.connection.answer(self.sent, ANSWER.as_bytes());
        let sequence = answer.sequence + u32::try_from(self.answered).unwrap();
        self.segments.push(Segment { sequence, ..answer });
        self.answered += ANSWER.len();
    }

    /// The connection, with some more answers.
    fn way(mut self, name: &'static str) -> Way {
        for _ in 0..4 {
            self.answer();
        }
        Way { name, segments: self.segments }
    }
}

/// The first request with another head and a body.
fn with(fields: &str, body: &str) -> String {
    FIRST.replace("GET", "POST").replace("\r\n\r\n", &format!("\r\n{fields}\r\n\r\n{body}"))
}

#[test]
fn a_later_request_for_a_blocked_host_is_blocked() {
    assert_all(
        "later-requests",
        80,
        "drop",
        &[
            |to| {
                let mut talk = Talk::new(to, FIRST);
                talk.send(SECOND.as_bytes());
                talk.way("as it is")
            },
            |to| Talk::new(to, &format!("{FIRST}{SECOND}")).way("in the first segment"),
            |to| {
                let mut talk = Talk::new(to, FIRST);
                talk.send_in(9, SECOND.as_bytes());
                talk.way("in small pieces")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                for _ in 0..3 {
                    talk.send(FIRST.as_bytes());
                    talk.answer();
                }
                talk.send(SECOND.as_bytes());
                talk.way("after others")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                let (one, two) = SECOND.as_bytes().split_at(30);
                talk.segments.push(talk.segment(one.len(), two));
                talk.send(one);
                talk.sent += two.len();
                talk.way("in disorder")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                talk.send(SECOND.replace("www.facebook.com", "WWW.facebook.com.:80").as_bytes());
                talk.way("with another name for it")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                talk.send(FIRST.replace("GET /", "GET http://www.facebook.com/").as_bytes());
                talk.way("in the target")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                talk.send(format!("FOO / HTTP/1.1\r\nHost: a\r\n\r\n{SECOND}").as_bytes());
                talk.way("behind one with a method that nobody knows")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                let odd = SECOND.replace("facebook", "faceXbook");
                let at = u16::try_from(odd.find('X').unwrap() + 1).unwrap();
                let urgent = talk.segment(0, odd.as_bytes());
                let flags = urgent.flags | 0x20;
                talk.segments.push(Segment { flags, urgent: at, ..urgent });
                talk.sent += odd.len();
                talk.way("with an urgent byte")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                let long = FIRST.replace("\r\n\r\n", "\r\nContent-Length: 9000\r\n\r\n");
                let fake = talk.segment(0, long.as_bytes());
                talk.segments.push(Segment { damage: 3, ..fake.clone() });
                talk.segments.push(Segment { ttl: 3, ..fake.clone() });
                talk.segments.push(Segment { flags: 0, ..fake });
                talk.send(SECOND.as_bytes());
                talk.way("behind fakes")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                let low = Segment { ttl: 30, ..talk.segment(0, SECOND.as_bytes()) };
                talk.segments.push(low);
                talk.sent += SECOND.len();
                talk.way("that looks like a fake")
            },
        ],
    );
}

#[test]
fn a_later_request_is_found_behind_a_body() {
    assert_all(
        "later-requests-bodies",
        80,
        "drop",
        &[
            |to| {
                let mut talk = Talk::new(to, &with("Content-Length: 30000", "x"));
                for part in [1000, 1400, 20_000, 7599_usize] {
                    talk.send(&vec![b'x'; part]);
                }
                talk.send(SECOND.as_bytes());
                talk.way("after a long body")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                let long = with("Content-Length: 30000", &"x".repeat(20_000));
                let (one, two) = long.as_bytes().split_at(30);
                talk.send(one);
                talk.send(two);
                talk.send(&[b'x'; 10_000]);
                talk.send(SECOND.as_bytes());
                talk.way("after a head in a segment that is not shown whole")
            },
            |to| {
                let mut talk = Talk::new(to, &with("Transfer-Encoding: chunked", ""));
                talk.send(b"400\r\n");
                talk.send(&[b'x'; 0x400]);
                talk.send(format!("\r\n0\r\n\r\n{SECOND}").as_bytes());
                talk.way("after chunks")
            },
            |to| {
                let first = with("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n");
                let mut talk = Talk::new(to, &first);
                talk.send(SECOND.as_bytes());
                talk.way("after two lengths")
            },
            |to| {
                let mut talk = Talk::new(to, &with("Upgrade: h2c", ""));
                talk.send(SECOND.as_bytes());
                talk.way("after a change that was not taken")
            },
            |to| {
                let mut talk =
                    Talk::new(to, &with("Content-Length: 5000\r\nExpect: 100-continue", ""));
                talk.send(SECOND.as_bytes());
                talk.way("in place of a body")
            },
            |to| {
                let first = with("Content-Length: 5000\r\nExpect: 100-continue", "");
                let mut talk = Talk::new(to, &first);
                talk.send(&[b'x'; 5000]);
                talk.send(SECOND.as_bytes());
                talk.way("behind a body that the server was asked about")
            },
        ],
    );
}

#[test]
fn a_connection_with_allowed_requests_passes() {
    assert_all(
        "later-requests-innocent",
        80,
        "count",
        &[
            |to| {
                let mut talk = Talk::new(to, FIRST);
                for _ in 0..5 {
                    talk.send(FIRST.replace("www", "static").as_bytes());
                    talk.answer();
                }
                talk.way("for another host")
            },
            |to| {
                let mut talk =
                    Talk::new(to, &with(&format!("Content-Length: {}", SECOND.len()), ""));
                talk.send(SECOND.as_bytes());
                talk.send(FIRST.as_bytes());
                talk.way("with a request as its body")
            },
            |to| {
                let mut talk = Talk::new(to, FIRST);
                // Below what the server has read, where nobody reads it.
                let old = talk.segment(0, SECOND.as_bytes());
                let sequence = old.sequence.wrapping_sub(u32::try_from(SECOND.len()).unwrap());
                talk.segments.push(Segment { sequence, ..old });
                talk.send(FIRST.as_bytes());
                talk.way("beside one that comes too late")
            },
        ],
    );
}
