//! A connection to a broker: requests, and answers in the same order.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ndpi_remote::Wire;

use crate::requests::{
    API_VERSIONS, METADATA, PRODUCE, Request, SASL_AUTHENTICATE, SASL_HANDSHAKE, check_error,
    check_versions, handshake, plain,
};
use crate::wire::Writer;
use crate::{KafkaError, Login, Server};

/// Bytes that are read at a time.
const STEP: usize = 64 * 1024;

/// An answer at most.
const LONGEST_ANSWER: usize = 16 << 20;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire,
    received: Vec<u8>,
    /// The number of the last request, and of the last answer.
    asked: i32,
    answered: i32,
}

impl Connection {
    /// Connects, and says who asks; waits for so long at most, for each of the broker's addresses.
    pub(crate) fn open(server: &Server, login: &Login, wait: Duration) -> Result<Self, KafkaError> {
        let failed = KafkaError::while_doing("cannot connect");
        let greet = |wire| Self::greet(wire, login, Instant::now() + wait);
        ndpi_remote::connect(server.addresses()?, wait, failed, greet)
    }

    fn greet(wire: Wire, login: &Login, until: Instant) -> Result<Self, KafkaError> {
        let mut connection = Self { wire, received: Vec::new(), asked: 0, answered: 0 };
        let versions = connection.request(API_VERSIONS, &[], until)?;
        check_versions(&versions, &[METADATA, PRODUCE])?;
        if let Login { user: Some(user), password } = login {
            check_versions(&versions, &[SASL_HANDSHAKE, SASL_AUTHENTICATE])?;
            let answer = connection.request(SASL_HANDSHAKE, &handshake(), until)?;
            check_error(&answer, "the login")?;
            let said = plain(user, password.as_deref().unwrap_or_default());
            let answer = connection.request(SASL_AUTHENTICATE, &said, until)?;
            check_error(&answer, "the login")?;
        }
        Ok(connection)
    }

    /// Asks, and waits for the answer until then. To be used while no other is expected.
    pub(crate) fn request(
        &mut self,
        request: Request,
        body: &[u8],
        until: Instant,
    ) -> Result<Vec<u8>, KafkaError> {
        self.ask(request, body);
        loop {
            if let Some(answer) = self.answer()? {
                return Ok(answer);
            }
            self.wait(until)?;
        }
    }

    /// Queues a request.
    pub(crate) fn ask(&mut self, request: Request, body: &[u8]) {
        self.asked = self.asked.wrapping_add(1);
        let mut head = Writer::default();
        head.i16(request.number);
        head.i16(request.version);
        head.i32(self.asked);
        head.text(env!("CARGO_PKG_NAME"));
        let out = self.wire.out();
        let mut whole = Writer(std::mem::take(out));
        whole.length(head.0.len() + body.len());
        whole.0.extend_from_slice(&head.0);
        whole.0.extend_from_slice(body);
        *out = whole.0;
    }

    /// Sends what is queued, as far as it is taken; whether that was all.
    pub(crate) fn flush(&mut self) -> Result<bool, KafkaError> {
        self.wire.flush().map_err(|error| match error.kind() {
            io::ErrorKind::WriteZero => KafkaError::Closed,
            _ => KafkaError::while_doing("cannot send to the broker")(error),
        })
    }

    /// Bytes that are still to be sent.
    pub(crate) fn unsent(&self) -> usize {
        self.wire.unsent()
    }

    /// The next answer, of those that have come by now.
    pub(crate) fn answer(&mut self) -> Result<Option<Vec<u8>>, KafkaError> {
        loop {
            if let Some(answer) = self.whole()? {
                return Ok(Some(answer));
            }
            let before = self.received.len();
            self.received.resize(before + STEP, 0);
            let read = self.wire.receive(&mut self.received[before..]);
            let taken = read.as_ref().map_or(0, |read| read.unwrap_or(0));
            self.received.truncate(before + taken);
            match read.map_err(KafkaError::while_doing("cannot hear from the broker"))? {
                Some(0) => return Err(KafkaError::Closed),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The first answer of what was received, if it is whole, without its number.
    fn whole(&mut self) -> Result<Option<Vec<u8>>, KafkaError> {
        let Some((length, rest)) = self.received.split_first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(i32::from_be_bytes(*length));
        let length = length.ok().filter(|it| (4..=LONGEST_ANSWER).contains(it));
        let length = length.ok_or(KafkaError::Protocol)?;
        let Some((answer, _)) = rest.split_at_checked(length) else { return Ok(None) };
        let (number, body) = answer.split_first_chunk::<4>().ok_or(KafkaError::Protocol)?;
        self.answered = self.answered.wrapping_add(1);
        if i32::from_be_bytes(*number) != self.answered {
            return Err(KafkaError::Protocol);
        }
        let body = body.to_vec();
        self.received.drain(..4 + length);
        Ok(Some(body))
    }

    /// Sends, and waits until there may be something to receive, or more is to be sent.
    pub(crate) fn wait(&mut self, until: Instant) -> Result<(), KafkaError> {
        self.flush()?;
        let is_there = self.wire.wait(until);
        let is_there = is_there.map_err(KafkaError::while_doing("cannot wait for the broker"))?;
        if is_there { Ok(()) } else { Err(KafkaError::Silent) }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wire.as_fd()
    }
}
