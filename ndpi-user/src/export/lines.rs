//! The thread that writes lines, and what it does when it cannot.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};
use ndpi_events::{Ender, Event, Losses, Subscription};

use super::ending::Ending;

/// Events that may wait to be written. A reader that is slower for longer loses lines, with a count: the
/// classifier never waits for it.
pub(super) const WAITING_LINES: usize = 64 * 1024;

/// Lines are gathered until there are this many bytes of them, or no event is waiting.
const GATHERED: usize = 64 * 1024;

/// Bytes written at a time: a reader that takes this much is alive.
const AT_A_TIME: usize = 8 * 1024;

/// How long it takes until what could not be written is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long the end of a session waits for a target that takes nothing.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// How long it waits for one that takes something now and then.
const LONGEST_END: Duration = Duration::from_secs(30);

/// A sink of lines: the thread that writes them, and how far it is.
#[derive(Debug)]
pub struct LineSink {
    ender: Ender,
    done: Receiver<()>,
    losses: Losses,
    shared: Arc<Shared>,
}

/// What the thread and the others know together.
#[derive(Debug, Default)]
struct Shared {
    /// Bytes that the target took: whether something moves.
    bytes: AtomicU64,
    /// The error that keeps lines from being written now; `None` while they are.
    failure: Mutex<Option<String>>,
    /// What is to be written behind the last event, until it is.
    last: Mutex<Option<String>>,
}

impl LineSink {
    /// Starts a thread that has `write` make lines of events, and writes them to `target`.
    pub(super) fn start(
        mut events: Subscription,
        write: impl FnMut(&Event, &mut Vec<u8>) + Send + 'static,
        target: impl Write + Send + 'static,
    ) -> Self {
        let (end, done) = bounded(0);
        let (losses, ender) = (events.losses().clone(), events.ender());
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        thread::spawn(move || {
            Lines { target, write, shared: its, bytes: Vec::new(), at: 0 }.write_all(&events);
            drop(end);
        });
        Self { ender, done, losses, shared }
    }

    /// What was lost, and whether anybody reads.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Waits until everything is written that was published, and then `last`; or until the target takes
    /// nothing any more: a reader that has stalled must not keep a session from ending.
    pub fn finish(self, last: Option<String>) -> Ending {
        self.finish_within(last, STALLED_AFTER, LONGEST_END)
    }

    pub(super) fn finish_within(
        self,
        last: Option<String>,
        stalled: Duration,
        longest: Duration,
    ) -> Ending {
        let Self { ender, done, losses, shared } = self;
        *locked(&shared.last) = last;
        drop(ender);
        let deadline = Instant::now() + longest;
        let mut bytes = shared.bytes.load(Ordering::Relaxed);
        // The channel is never sent to: the thread's end of it goes when the thread does.
        while done.recv_timeout(stalled) == Err(RecvTimeoutError::Timeout) {
            let before = std::mem::replace(&mut bytes, shared.bytes.load(Ordering::Relaxed));
            if bytes == before || Instant::now() >= deadline {
                break;
            }
        }
        let unwritten = losses.waiting() + u64::from(locked(&shared.last).is_some());
        Ending {
            lost: losses.lost() + unwritten,
            closed: losses.is_closed(),
            cut: unwritten > 0,
            failure: locked(&shared.failure).clone(),
        }
    }
}

/// Lines in the hand of the thread that writes them.
struct Lines<W, F> {
    target: W,
    write: F,
    shared: Arc<Shared>,
    /// Whole lines, of which those up to `at` are written. What is left over from a failure goes on
    /// where it stopped, so that no line is torn by another.
    bytes: Vec<u8>,
    at: usize,
}

impl<W: Write, F: FnMut(&Event, &mut Vec<u8>)> Lines<W, F> {
    /// Writes what comes, and holds nothing back when no more is waiting.
    fn write_all(mut self, events: &Subscription) {
        while let Some(first) = events.recv() {
            let mut count = 0;
            for envelope in std::iter::once(first).chain(events.waiting()) {
                (self.write)(&envelope.event, &mut self.bytes);
                count += 1;
                if self.bytes.len() >= GATHERED {
                    break;
                }
            }
            if !self.write_gathered(events.losses()) {
                return;
            }
            events.losses().handle(count);
        }
        self.write_last(events.losses());
    }

    fn write_last(&mut self, losses: &Losses) {
        let Some(last) = locked(&self.shared.last).clone() else { return };
        self.bytes.extend_from_slice(last.trim_end_matches('\n').as_bytes());
        self.bytes.push(b'\n');
        if self.write_gathered(losses) {
            *locked(&self.shared.last) = None;
        }
    }

    /// Writes what was gathered, however long it takes; false when nobody can read it any more.
    fn write_gathered(&mut self, losses: &Losses) -> bool {
        while self.at < self.bytes.len() {
            match self.write_some() {
                Ok(()) => self.recover(losses),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_closed(&error) => {
                    losses.close();
                    log::warn!("standard output is closed; enforcement goes on without records");
                    return false;
                }
                Err(error) => {
                    self.fail(&error);
                    thread::sleep(RETRY_AFTER);
                }
            }
        }
        self.bytes.clear();
        self.at = 0;
        true
    }

    fn write_some(&mut self) -> io::Result<()> {
        let rest = &self.bytes[self.at..];
        match self.target.write(&rest[..rest.len().min(AT_A_TIME)])? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            taken => {
                self.at += taken;
                self.shared.bytes.fetch_add(taken as u64, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Says that writing fails, once for as long as it does.
    fn fail(&self, error: &io::Error) {
        let mut failure = locked(&self.shared.failure);
        if failure.is_none() {
            log::warn!(
                "cannot write records to standard output: {error}; trying again every second, \
                 enforcement goes on"
            );
        }
        *failure = Some(error.to_string());
    }

    /// Says that writing works again.
    fn recover(&self, losses: &Losses) {
        if locked(&self.shared.failure).take().is_some() {
            let lost = losses.lost();
            log::warn!("records are written to standard output again; {lost} lost so far");
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an error says that nobody can ever read what is written.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted | NotConnected)
}
