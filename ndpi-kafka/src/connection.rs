//! A connection to a broker: requests, and answers in the same order.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

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
    stream: TcpStream,
    /// What is still to be sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    /// The number of the last request, and of the last answer.
    asked: i32,
    answered: i32,
}

impl Connection {
    /// Connects, and says who asks; waits for so long at most, for each of the broker's addresses.
    pub(crate) fn open(server: &Server, login: &Login, wait: Duration) -> Result<Self, KafkaError> {
        let failed = KafkaError::while_doing("cannot connect");
        let mut last = failed(io::ErrorKind::AddrNotAvailable.into());
        for address in server.addresses()? {
            let stream = TcpStream::connect_timeout(&address, wait).map_err(&failed);
            match stream.and_then(|stream| Self::greet(stream, login, Instant::now() + wait)) {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn greet(stream: TcpStream, login: &Login, until: Instant) -> Result<Self, KafkaError> {
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_nonblocking(true))
            .map_err(KafkaError::while_doing("cannot connect"))?;
        let (out, received) = (Vec::new(), Vec::new());
        let mut connection = Self { stream, out, sent: 0, received, asked: 0, answered: 0 };
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
        let mut whole = Writer(std::mem::take(&mut self.out));
        whole.length(head.0.len() + body.len());
        whole.0.extend_from_slice(&head.0);
        whole.0.extend_from_slice(body);
        self.out = whole.0;
    }

    /// Sends what is queued, as far as it is taken; whether that was all.
    pub(crate) fn flush(&mut self) -> Result<bool, KafkaError> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(KafkaError::Closed),
                Ok(taken) => self.sent += taken,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => {
                    return Err(KafkaError::while_doing("cannot send to the broker")(error));
                }
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Bytes that are still to be sent.
    pub(crate) fn unsent(&self) -> usize {
        self.out.len() - self.sent
    }

    /// The next answer, of those that have come by now.
    pub(crate) fn answer(&mut self) -> Result<Option<Vec<u8>>, KafkaError> {
        loop {
            if let Some(answer) = self.whole()? {
                return Ok(Some(answer));
            }
            let before = self.received.len();
            self.received.resize(before + STEP, 0);
            let read = self.stream.read(&mut self.received[before..]);
            self.received.truncate(before + read.as_ref().map_or(0, |read| *read));
            match read {
                Ok(0) => return Err(KafkaError::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => {
                    return Err(KafkaError::while_doing("cannot hear from the broker")(error));
                }
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

    /// Sends, and waits until there is something to receive.
    pub(crate) fn wait(&mut self, until: Instant) -> Result<(), KafkaError> {
        loop {
            let is_sent = self.flush()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(KafkaError::Silent);
            }
            let wanted = if is_sent { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
            let timeout = Timespec::try_from(left).ok();
            let mut sockets = [PollFd::new(&self.stream, wanted)];
            match poll(&mut sockets, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    return Err(KafkaError::while_doing("cannot wait for the broker")(
                        error.into(),
                    ));
                }
            }
            if sockets[0].revents().intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                return Ok(());
            }
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
