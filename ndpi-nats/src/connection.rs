//! A connection to a server, which never waits but where it says so.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ndpi_remote::Wire;
use serde::Serialize;

use crate::protocol::{Info, Message, Parser, Said};
use crate::{Login, NatsError, Server};

/// Bytes that are read at a time.
const STEP: usize = 64 * 1024;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    wire: Wire,
    parser: Parser,
    info: Info,
    subscriptions: u64,
    /// Where answers to requests come, and how many there were.
    inbox: Option<String>,
    requests: u64,
}

/// What a client says of itself.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the protocol")]
struct Connect<'a> {
    verbose: bool,
    pedantic: bool,
    tls_required: bool,
    name: &'a str,
    lang: &'a str,
    version: &'a str,
    protocol: u8,
    echo: bool,
    headers: bool,
    no_responders: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<&'a str>,
}

impl Connection {
    /// Connects, and says who asks; waits for so long at most, for each of the server's addresses.
    ///
    /// # Errors
    ///
    /// It cannot be reached, wants TLS, or refuses whoever asks.
    pub fn open(server: &Server, login: &Login, wait: Duration) -> Result<Self, NatsError> {
        let failed = NatsError::while_doing("cannot connect");
        let greet = |wire| Self::greet(wire, login, wait);
        ndpi_remote::connect(server.addresses()?, wait, failed, greet)
    }

    fn greet(wire: Wire, login: &Login, wait: Duration) -> Result<Self, NatsError> {
        let (parser, info) = (Parser::default(), Info::default());
        let mut connection =
            Self { wire, parser, info, subscriptions: 0, inbox: None, requests: 0 };
        let until = Instant::now() + wait;
        let Said::Info(info) = connection.hear(until)? else {
            return Err(NatsError::Protocol("no INFO".into()));
        };
        if info.tls_required {
            return Err(NatsError::Tls);
        }
        connection.info = info;
        connection.queue_line(&format!("CONNECT {}", connect(login)));
        connection.queue_line("PING");
        loop {
            match connection.hear(until)? {
                Said::Pong => return Ok(connection),
                Said::Error(text) => return Err(NatsError::Refused(text)),
                Said::Ping => connection.queue_line("PONG"),
                Said::Info(_) | Said::Ok | Said::Message(_) => {}
            }
        }
    }

    /// Waits until the server says something.
    fn hear(&mut self, until: Instant) -> Result<Said, NatsError> {
        loop {
            if let Some(said) = self.parser.next()? {
                return Ok(said);
            }
            self.wait(until)?;
        }
    }

    /// Sends and receives, until something was received.
    fn wait(&mut self, until: Instant) -> Result<(), NatsError> {
        loop {
            self.flush()?;
            if self.receive()? > 0 {
                return Ok(());
            }
            let is_there = self.wire.wait(until);
            if !is_there.map_err(NatsError::while_doing("cannot wait for the server"))? {
                return Err(NatsError::Silent);
            }
        }
    }

    /// Sends what is queued, as far as it is taken; whether that was all.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub fn flush(&mut self) -> Result<bool, NatsError> {
        self.wire.flush().map_err(|error| match error.kind() {
            io::ErrorKind::WriteZero => NatsError::Closed,
            _ => NatsError::while_doing("cannot send to the server")(error),
        })
    }

    /// Bytes that are still to be sent.
    pub fn unsent(&self) -> usize {
        self.wire.unsent()
    }

    /// Takes what the server has sent by now; how many bytes.
    fn receive(&mut self) -> Result<usize, NatsError> {
        let (mut bytes, mut taken) = (vec![0; STEP], 0);
        loop {
            let read = self.wire.receive(&mut bytes);
            match read.map_err(NatsError::while_doing("cannot hear from the server"))? {
                Some(0) if taken == 0 => return Err(NatsError::Closed),
                Some(read) => {
                    self.parser.feed(&bytes[..read]);
                    taken += read;
                    if read < bytes.len() {
                        return Ok(taken);
                    }
                }
                None => return Ok(taken),
            }
        }
    }

    /// The next message, of those that the server has sent by now.
    ///
    /// # Errors
    ///
    /// The connection is gone, or the server refuses something.
    pub fn next_message(&mut self) -> Result<Option<Message>, NatsError> {
        loop {
            match self.parser.next()? {
                Some(Said::Message(message)) => return Ok(Some(message)),
                Some(Said::Ping) => self.queue_line("PONG"),
                Some(Said::Error(text)) => return Err(NatsError::Refused(text)),
                Some(Said::Info(info)) => self.info = info,
                None if self.receive()? == 0 => return Ok(None),
                Some(Said::Pong | Said::Ok) | None => {}
            }
        }
    }

    /// The next message, for which it waits until then; `None` where none has come.
    ///
    /// # Errors
    ///
    /// As [`next_message`](Self::next_message).
    pub fn wait_for_message(&mut self, until: Instant) -> Result<Option<Message>, NatsError> {
        loop {
            if let Some(message) = self.next_message()? {
                return Ok(Some(message));
            }
            match self.wait(until) {
                Ok(()) => {}
                Err(NatsError::Silent) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks whoever listens to a subject, and waits for the answer until then. To be used on a connection without
    /// other subscriptions, whose messages would get lost.
    ///
    /// # Errors
    ///
    /// The connection is gone, or there is no answer in time.
    pub fn request(
        &mut self,
        subject: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
        until: Instant,
    ) -> Result<Message, NatsError> {
        let inbox = if let Some(inbox) = &self.inbox {
            inbox.clone()
        } else {
            let inbox = inbox();
            self.subscribe(&format!("{inbox}.*"))?;
            self.inbox.insert(inbox).clone()
        };
        self.requests += 1;
        let reply = format!("{inbox}.{}", self.requests);
        self.publish(subject, &reply, headers, payload)?;
        while let Some(message) = self.wait_for_message(until)? {
            if message.subject == reply {
                return Ok(message);
            }
        }
        Err(NatsError::Silent)
    }

    /// Has the server send what is published under these subjects; the number that their messages have.
    ///
    /// # Errors
    ///
    /// There can be no such subject.
    pub fn subscribe(&mut self, subject: &str) -> Result<u64, NatsError> {
        check(subject)?;
        self.subscriptions += 1;
        self.queue_line(&format!("SUB {subject} {}", self.subscriptions));
        Ok(self.subscriptions)
    }

    /// Queues a message, with an answer to `reply`, and these headers.
    ///
    /// # Errors
    ///
    /// It cannot be sent as it is, whenever.
    pub fn publish(
        &mut self,
        subject: &str,
        reply: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) -> Result<(), NatsError> {
        check(subject)?;
        check(reply)?;
        let mut head = String::from("NATS/1.0\r\n");
        for (name, value) in headers {
            let is_text = |it: &str| !it.contains(['\r', '\n']);
            if !(is_text(name) && is_text(value)) || name.contains(':') {
                return Err(NatsError::Unsendable(format!("{name}: {value}")));
            }
            head.extend([name, ": ", value, "\r\n"]);
        }
        head += "\r\n";
        let (size, most) = (head.len() + payload.len(), self.info.max_payload);
        if size > most {
            return Err(NatsError::TooLong { size, most });
        }
        self.queue_line(&format!("HPUB {subject} {reply} {} {size}", head.len()));
        let out = self.wire.out();
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn queue_line(&mut self, line: &str) {
        let out = self.wire.out();
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wire.as_fd()
    }
}

/// A subject that nobody else has, for answers.
pub(crate) fn inbox() -> String {
    format!("_INBOX.{:016x}", RandomState::new().hash_one(()))
}

fn connect(login: &Login) -> String {
    let connect = Connect {
        verbose: false,
        pedantic: false,
        tls_required: false,
        name: env!("CARGO_PKG_NAME"),
        lang: "rust",
        version: env!("CARGO_PKG_VERSION"),
        protocol: 1,
        echo: false,
        headers: true,
        no_responders: true,
        user: login.user.as_deref(),
        pass: login.password.as_deref(),
        auth_token: login.token.as_deref(),
    };
    // It is made of texts and numbers.
    serde_json::to_string(&connect).unwrap_or_default()
}

/// Whether this can be a subject in a line.
fn check(subject: &str) -> Result<(), NatsError> {
    let is_one = !subject.is_empty() && subject.split('.').all(|token| !token.is_empty());
    if is_one && !subject.contains(|it: char| it.is_whitespace() || it.is_control()) {
        Ok(())
    } else {
        Err(NatsError::Unsendable(subject.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{End, INFO, Scripted};

    const WAIT: Duration = Duration::from_secs(10);

    #[test]
    fn it_says_who_asks_and_answers_pings() {
        let server = Scripted::start(|end| {
            end.say(INFO);
            assert!(end.line().starts_with("CONNECT {"));
            assert_eq!(end.line(), "PING");
            end.say("+OK\r\nPONG\r\nPING\r\n");
            assert_eq!(end.line(), "PONG");
            assert_eq!(end.line(), "SUB a.> 1");
            end.say("MSG a.b 1 2\r\nhi\r\n");
        });
        let login = Login { user: Some("me".into()), ..Login::default() };
        let mut connection = Connection::open(&server.address(), &login, WAIT).unwrap();
        let none = connection.wait_for_message(Instant::now() + Duration::from_millis(50));
        assert_eq!(none.unwrap(), None);
        connection.subscribe("a.>").unwrap();
        let message = connection.wait_for_message(Instant::now() + WAIT).unwrap().unwrap();
        assert_eq!((&*message.subject, &*message.payload), ("a.b", &b"hi"[..]));
        server.end();
        assert!(matches!(
            connection.wait_for_message(Instant::now() + WAIT),
            Err(NatsError::Closed)
        ));
    }

    #[test]
    fn a_server_that_refuses_or_is_none_is_an_error_that_says_so() {
        for (said, expected) in [
            (
                "INFO {}\r\n-ERR 'Authorization Violation'\r\n",
                "the server refuses it: Authorization Violation",
            ),
            ("INFO {\"tls_required\":true}\r\n", "the server wants TLS"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "this is no NATS server: it says \"SSH-2.0"),
            ("PONG\r\n", "this is no NATS server"),
        ] {
            let server = Scripted::start(move |end| {
                end.say(said);
                end.wait_for_its_end();
            });
            let error = Connection::open(&server.address(), &Login::default(), WAIT).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{said}: {error}");
            server.end();
        }
        let silent = Scripted::start(End::wait_for_its_end);
        let wait = Duration::from_millis(20);
        let error = Connection::open(&silent.address(), &Login::default(), wait).unwrap_err();
        assert!(matches!(error, NatsError::Silent), "{error}");
        silent.end();
    }

    #[test]
    fn what_would_be_another_command_is_not_sent() {
        let server = Scripted::start(|end| {
            end.greet();
            end.wait_for_its_end();
        });
        let mut connection = Connection::open(&server.address(), &Login::default(), WAIT).unwrap();
        for (subject, reply, headers) in [
            ("a b", "r", [("n", "v")]),
            ("", "r", [("n", "v")]),
            ("a..b", "r", [("n", "v")]),
            ("a", "r\r\nPING", [("n", "v")]),
            ("a", "r", [("n:", "v")]),
            ("a", "r", [("n", "v\r\nx: y")]),
        ] {
            let error = connection.publish(subject, reply, &headers, b"").unwrap_err();
            assert!(matches!(error, NatsError::Unsendable(_)), "{subject} {reply} {headers:?}");
        }
        let error = connection.publish("a", "r", &[], &[0; 2000]).unwrap_err();
        assert!(matches!(error, NatsError::TooLong { size: 2012, most: 1000 }), "{error:?}");
        assert_eq!(connection.unsent(), 0);
        drop(connection);
        server.end();
    }
}
