//! The end that has the network. It keeps nothing: what it was given and has not said to be stored, it is given again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::broker::{Answer, Broker, Stored};
use super::connect::connect;
use super::framed::parts;
use super::job::CourierJob;
use super::message::{Given, LONGEST, Told, try_receive, try_send};
use super::other_end::is_over_within;

/// How long a server may take to confirm the next record.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);

/// How long it takes until it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Bytes that may wait to be sent; what is more stays at the other end.
const MOST_UNSENT: usize = 256 * 1024;

/// Numbers in a datagram at most.
const NUMBERS: usize = 1024;

/// Why a connection was given up.
enum Over {
    /// Nobody gives records any more.
    Done,
    /// It is to be tried again.
    Failed(String),
}

impl From<String> for Over {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<io::Error> for Over {
    /// The other process is gone, or this one cannot go on.
    fn from(_: io::Error) -> Self {
        Self::Done
    }
}

/// Delivers what comes through `socket` until nothing does.
pub fn run_courier(socket: impl AsFd, job: &CourierJob) {
    let socket = socket.as_fd();
    loop {
        let over =
            connect(job).map_err(Over::from).map(|broker| Courier::new(socket, broker).serve());
        let why = match over {
            Ok(Over::Failed(why)) | Err(Over::Failed(why)) => why,
            Ok(Over::Done) | Err(Over::Done) => return,
        };
        // Where there is no room for it, there is more to take first that says the same.
        if try_send(socket, &Told::Failed(why).bytes()).is_err()
            || is_over_within(socket, RETRY_AFTER)
        {
            return;
        }
    }
}

/// A connection, and what is under way on it.
struct Courier<'a> {
    socket: BorrowedFd<'a>,
    broker: Box<dyn Broker>,
    buffer: Vec<u8>,
    /// Whether what comes is of this connection.
    is_started: bool,
    /// Records without an answer.
    in_flight: usize,
    /// When the server last confirmed something, or had nothing to confirm.
    moved: Instant,
    /// What was stored, and is to be said.
    stored: Vec<u64>,
    /// What else is to be said before that.
    said: Vec<Told>,
}

impl<'a> Courier<'a> {
    fn new(socket: BorrowedFd<'a>, broker: Box<dyn Broker>) -> Self {
        let (buffer, moved) = (vec![0; LONGEST], Instant::now());
        let (stored, said) = (Vec::new(), vec![Told::Ready]);
        let (is_started, in_flight) = (false, 0);
        Self { socket, broker, buffer, is_started, in_flight, moved, stored, said }
    }

    fn serve(mut self) -> Over {
        loop {
            match self.step() {
                Ok(()) => {}
                Err(over) => return over,
            }
        }
    }

    /// Takes, gives and says what there is now, and waits for more.
    fn step(&mut self) -> Result<(), Over> {
        self.take()?;
        self.broker.flush()?;
        while let Some(answer) = self.broker.next_answer()? {
            self.moved = Instant::now();
            self.in_flight = self.in_flight.saturating_sub(1);
            match answer {
                Answer::Stored(number) => self.stored.push(number),
                Answer::Refused(number, why) => self.said.push(Told::Refused(number, why)),
                Answer::Failed(why) => {
                    // What is stored needs not be sent again.
                    self.say()?;
                    return Err(Over::Failed(why));
                }
            }
        }
        if self.in_flight > 0 && self.moved.elapsed() >= LONGEST_SILENCE {
            return Err(Over::Failed("the server does not answer".into()));
        }
        let is_said = self.say()?;
        self.wait(is_said)
    }

    /// Takes records while few bytes wait to be sent.
    fn take(&mut self) -> Result<(), Over> {
        while self.broker.unsent() < MOST_UNSENT {
            let Some(bytes) = try_receive(self.socket, &mut self.buffer)? else { break };
            if bytes.is_empty() {
                return Err(Over::Done);
            }
            match Given::read(bytes) {
                Some(Given::Start) => self.is_started = true,
                Some(Given::Record(number, frame)) if self.is_started => {
                    let Some((kind, id, record)) = parts(frame) else { continue };
                    if self.in_flight == 0 {
                        self.moved = Instant::now();
                    }
                    let record = Stored { number, kind, id, record };
                    match self.broker.publish(&record) {
                        Ok(()) => self.in_flight += 1,
                        Err(why) => self.said.push(Told::Refused(number, why)),
                    }
                }
                // Of an earlier connection: it comes again.
                Some(Given::Record(..)) | None => {}
            }
        }
        Ok(())
    }

    /// Says what there is room for; whether that was all.
    fn say(&mut self) -> io::Result<bool> {
        while let Some(told) = self.said.first() {
            if !try_send(self.socket, &told.bytes())? {
                return Ok(false);
            }
            self.said.remove(0);
        }
        while !self.stored.is_empty() {
            let some = self.stored[..self.stored.len().min(NUMBERS)].to_vec();
            let count = some.len();
            if !try_send(self.socket, &Told::Stored(some).bytes())? {
                return Ok(false);
            }
            self.stored.drain(..count);
        }
        Ok(true)
    }

    fn wait(&self, is_said: bool) -> Result<(), Over> {
        let wanted = |flags: &[(PollFlags, bool)]| {
            flags.iter().filter(|(_, is)| *is).fold(PollFlags::empty(), |all, (one, _)| all | *one)
        };
        let unsent = self.broker.unsent();
        let own = wanted(&[(PollFlags::IN, unsent < MOST_UNSENT), (PollFlags::OUT, !is_said)]);
        let server = wanted(&[(PollFlags::IN, true), (PollFlags::OUT, self.broker.is_sending())]);
        let left = LONGEST_SILENCE.saturating_sub(self.moved.elapsed());
        let timeout = Timespec::try_from(left).ok().filter(|_| self.in_flight > 0);
        let mut both = [
            PollFd::from_borrowed_fd(self.socket, own),
            PollFd::from_borrowed_fd(self.broker.socket(), server),
        ];
        match poll(&mut both, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }
}

#[cfg(test)]
mod kafka;
#[cfg(test)]
mod tests;
