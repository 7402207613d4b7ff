//! A broker that says what a test has it say.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use crate::Server;
use crate::requests::{
    API_VERSIONS, METADATA, PRODUCE, Request, SASL_AUTHENTICATE, SASL_HANDSHAKE,
};
use crate::wire::Writer;

/// A broker for one connection.
pub(crate) struct Scripted {
    port: u16,
    thread: JoinHandle<()>,
}

/// Its end of the connection.
pub(crate) struct End {
    stream: TcpStream,
}

impl Scripted {
    pub(crate) fn start(script: impl FnOnce(&mut End) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread =
            thread::spawn(move || script(&mut End { stream: listener.accept().unwrap().0 }));
        Self { port, thread }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> Server {
        Server::named("127.0.0.1", self.port.into()).unwrap()
    }

    /// Returns when the script is over, and fails with it.
    pub(crate) fn end(self) {
        self.thread.join().unwrap();
    }
}

impl End {
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Takes a request of this kind: its number, and what it asks.
    fn asked(&mut self, request: Request) -> (Vec<u8>, Vec<u8>) {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; u32::from_be_bytes(length).try_into().unwrap()];
        self.stream.read_exact(&mut bytes).unwrap();
        let kind = [request.number.to_be_bytes(), request.version.to_be_bytes()].concat();
        assert_eq!(bytes[..4], kind, "{request:?}");
        let name = usize::from(u16::from_be_bytes([bytes[8], bytes[9]]));
        (bytes[4..8].to_vec(), bytes.split_off(10 + name))
    }

    fn answer(&mut self, number: &[u8], body: &[u8]) {
        let mut answer = Writer::default();
        answer.length(4 + body.len());
        answer.0.extend_from_slice(number);
        answer.0.extend_from_slice(body);
        self.say(&answer.0);
    }

    /// Says that it has all that is needed.
    pub(crate) fn greet(&mut self) {
        let (number, _) = self.asked(API_VERSIONS);
        let all = [PRODUCE, METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE];
        let mut body = Writer::default();
        body.i16(0);
        body.length(all.len());
        for request in all {
            for value in [request.number, 0, request.version] {
                body.i16(value);
            }
        }
        self.answer(&number, &body.0);
    }

    /// Answers who leads the only partition of a topic: a broker at this port.
    pub(crate) fn name_leader(&mut self, topic: &str, port: u16) {
        self.name(topic, 0, Some(port));
    }

    /// Answers that there is something wrong with a topic.
    pub(crate) fn name_none(&mut self, topic: &str, error: i16) {
        self.name(topic, error, None);
    }

    fn name(&mut self, topic: &str, error: i16, leader: Option<u16>) {
        let (number, _) = self.asked(METADATA);
        let mut body = Writer::default();
        body.i32(0);
        body.length(1);
        body.i32(7);
        body.text("127.0.0.1");
        body.i32(leader.unwrap_or(1).into());
        body.no_text();
        body.no_text();
        body.i32(7);
        body.length(1);
        body.i16(error);
        body.text(topic);
        body.i8(0);
        body.length(usize::from(leader.is_some()));
        if leader.is_some() {
            body.i16(0);
            body.i32(0);
            body.i32(7);
            body.length(1);
            body.i32(7);
            body.length(0);
        }
        self.answer(&number, &body.0);
    }

    /// Answers a batch with this error; the ids of its records, which are digits.
    pub(crate) fn produced(&mut self, error: i16) -> Vec<u8> {
        let (number, request) = self.asked(PRODUCE);
        let mut body = Writer::default();
        body.length(1);
        body.text("flows");
        body.length(1);
        body.i32(0);
        body.i16(error);
        body.i64(-1);
        body.i64(-1);
        body.i32(0);
        self.answer(&number, &body.0);
        let ids = request.windows(5).filter(|it| it[..4] == *b"\x04id\x02");
        ids.map(|it| it[4] - b'0').collect()
    }

    /// Answers a login with this error; what was said of who it is.
    pub(crate) fn login(&mut self, error: i16) -> Vec<u8> {
        let (number, mechanism) = self.asked(SASL_HANDSHAKE);
        assert_eq!(mechanism, b"\0\x05PLAIN");
        self.answer(&number, &[0, 0, 0, 0, 0, 0]);
        let (number, said) = self.asked(SASL_AUTHENTICATE);
        let mut body = Writer::default();
        body.i16(error);
        body.no_text();
        body.i32(-1);
        self.answer(&number, &body.0);
        said
    }
}
