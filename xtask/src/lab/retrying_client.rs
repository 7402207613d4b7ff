//! A client that goes on asking, from one port, whatever the answer: the one to see whether a
//! single packet of a flow gets through.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::flow::FlowId;
use super::inside::inside;
use super::interrupt;
use super::requests::Family;
use super::stage::Stage;

/// How long an answer is waited for before the next question.
const PATIENCE: Duration = Duration::from_millis(2);
/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(1);
/// It ends by itself after this time, should nobody end it.
const LIFE: Duration = Duration::from_mins(2);
/// How long a change is waited for.
const CHANGE: Duration = Duration::from_secs(10);
/// Bytes of a large question: more than two packets take.
const LARGE: usize = 4000;
/// Questions in a row without an answer that are a silence.
const SILENCE: u64 = 20;

/// What is asked, and on which port.
#[derive(Clone, Copy)]
pub(super) enum Question {
    /// A name's IPv4 address, as RFC 1035 asks for it.
    Name(&'static str),
    /// Something that no protocol looks like.
    Noise(u16),
    /// The same, in a datagram that needs several packets.
    Large(u16),
}

/// The client under way; dropping it ends it.
pub(super) struct RetryingClient {
    /// How its flow is known.
    pub(super) flow: FlowId,
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

/// What it has seen so far.
#[derive(Default)]
struct Seen {
    sent: AtomicU64,
    answered: AtomicU64,
    /// Questions since the last answer.
    in_vain: AtomicU64,
    stop: AtomicBool,
}

impl RetryingClient {
    /// Starts to ask the lab's server.
    pub(super) fn start(stage: &Stage, family: Family, question: Question) -> Result<Self> {
        let (port, server) = (stage.port()?, SocketAddr::new(family.server(), question.port()));
        let socket = inside(&stage.topology.client, || {
            let socket = UdpSocket::bind((family.client(), port))?;
            socket.connect(server)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        })?;
        let client = (family.client(), Some(port));
        let flow = FlowId { proto: 17, client, server: (server.ip(), server.port()) };
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let thread = Some(thread::spawn(move || shared.ask_on(&socket, question)));
        Ok(Self { flow, seen, thread })
    }

    /// Questions sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.seen.sent.load(Ordering::Relaxed)
    }

    /// Waits until it is answered, from now on; false when it is not.
    pub(super) fn becomes_answered(&self) -> Result<bool> {
        let before = self.answered();
        interrupt::until(CHANGE, || Ok(self.answered() > before + 2))
    }

    /// Waits until many questions in a row have had no answer; false when they have.
    pub(super) fn becomes_silent(&self) -> Result<bool> {
        self.becomes_silent_within(CHANGE)
    }

    /// The same, where it may take longer.
    pub(super) fn becomes_silent_within(&self, limit: Duration) -> Result<bool> {
        interrupt::until(limit, || Ok(self.seen.in_vain.load(Ordering::Relaxed) >= SILENCE))
    }

    fn answered(&self) -> u64 {
        self.seen.answered.load(Ordering::Relaxed)
    }
}

impl Drop for RetryingClient {
    fn drop(&mut self) {
        self.seen.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("lab: a client that asks on and on panicked");
        }
    }
}

impl Seen {
    fn ask_on(&self, socket: &UdpSocket, question: Question) {
        let end = Instant::now() + LIFE;
        let mut buffer = [0; LARGE];
        while !self.stop.load(Ordering::Relaxed) && Instant::now() < end {
            let sent = self.sent.fetch_add(1, Ordering::Relaxed);
            let asked = socket.send(&question.bytes(sent));
            // What is not an answer is silence, or an ICMP message.
            if asked.and_then(|_| socket.recv(&mut buffer)).is_ok() {
                self.answered.fetch_add(1, Ordering::Relaxed);
                self.in_vain.store(0, Ordering::Relaxed);
            } else {
                self.in_vain.fetch_add(1, Ordering::Relaxed);
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Question {
    fn port(self) -> u16 {
        match self {
            Self::Name(_) => 53,
            Self::Noise(port) | Self::Large(port) => port,
        }
    }

    /// The question as it is sent for the `number`th time.
    fn bytes(self, number: u64) -> Vec<u8> {
        let name = match self {
            Self::Name(name) => name,
            Self::Noise(_) => return format!("lab: {number} is all there is to say").into_bytes(),
            Self::Large(_) => return vec![b'x'; LARGE],
        };
        let [.., high, low] = number.to_be_bytes();
        // An identifier, recursion desired, one question.
        let mut bytes = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.extend(u8::try_from(label.len()));
            bytes.extend(label.as_bytes());
        }
        // The end of the name; type A, class IN.
        bytes.extend([0, 0, 1, 0, 1]);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Question;

    #[test]
    fn a_question_is_one_of_rfc_1035() {
        let bytes = Question::Name("a.example").bytes(0x1_0203);
        assert_eq!(bytes[..12], [2, 3, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[12..], b"\x01a\x07example\0\0\x01\0\x01");
    }
}
