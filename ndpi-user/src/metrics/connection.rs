//! One connection: a request, an answer, and the end, none of which is waited for.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::pages::Answer;
use super::request::{LONGEST, Page, Request, parse};

/// How long a connection may last, whatever it is at.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How far it is.
#[derive(Debug)]
enum State {
    /// A request comes.
    Asking(Vec<u8>),
    /// The answer goes out; so many bytes of it have.
    Answering(Answer, usize),
    /// The answer is out. What still comes is read, or the end would cut the answer off.
    Ending,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    state: State,
    deadline: Instant,
}

/// Whether a connection is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Keep,
    Close,
}

impl Connection {
    /// One that was just taken.
    pub(super) fn new(stream: TcpStream, now: Instant) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, state: State::Asking(Vec::new()), deadline: now + PATIENCE })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it has not asked yet: it may go where others come.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking(_))
    }

    /// What it waits for.
    pub(super) fn waits_for(&self) -> PollFlags {
        match self.state {
            State::Answering(..) => PollFlags::OUT,
            State::Asking(_) | State::Ending => PollFlags::IN,
        }
    }

    /// Does what can be done now. What is asked for is given by `answer`.
    pub(super) fn go_on(&mut self, mut answer: impl FnMut(Page) -> Answer) -> Next {
        loop {
            let step = match &mut self.state {
                State::Asking(head) => ask(&self.stream, head, &mut answer),
                State::Answering(answer, sent) => send(&self.stream, answer, sent),
                State::Ending => drain(&self.stream),
            };
            match step {
                Ok(Some(state)) => self.state = state,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Next::Keep,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(None) | Err(_) => return Next::Close,
            }
        }
    }
}

/// Reads of the request what there is; the answer, when it is whole.
fn ask(
    mut stream: &TcpStream,
    head: &mut Vec<u8>,
    answer: &mut impl FnMut(Page) -> Answer,
) -> io::Result<Option<State>> {
    let mut buffer = [0; 2048];
    let room = buffer.len().min(LONGEST.saturating_sub(head.len()).max(1));
    let got = stream.read(&mut buffer[..room])?;
    if got == 0 {
        return Ok(None);
    }
    head.extend_from_slice(&buffer[..got]);
    let answer = match parse(head) {
        Request::Partial => return Ok(Some(State::Asking(std::mem::take(head)))),
        Request::Get { page, head: false } => answer(page),
        Request::Get { page, head: true } => answer(page).without_text(),
        Request::Refused(status) => Answer::refusal(status),
    };
    Ok(Some(State::Answering(answer, 0)))
}

/// Sends of the answer what is taken.
fn send(mut stream: &TcpStream, answer: &Answer, sent: &mut usize) -> io::Result<Option<State>> {
    while *sent < answer.bytes().len() {
        match stream.write(&answer.bytes()[*sent..])? {
            0 => return Ok(None),
            taken => *sent += taken,
        }
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(Some(State::Ending))
}

/// Reads what there is to no purpose, a bit at a time.
fn drain(mut stream: &TcpStream) -> io::Result<Option<State>> {
    let mut buffer = [0; 2048];
    // Whoever goes on sending is not read for ever.
    for _ in 0..4 {
        if stream.read(&mut buffer)? == 0 {
            return Ok(None);
        }
    }
    Ok(None)
}
