//! The thread that writes, and what it does when it cannot.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};

use super::tally::Tally;

/// Lines are gathered until there are this many bytes of them, or no line is waiting.
const GATHERED: usize = 64 * 1024;

/// Bytes written at a time: a reader that takes this much is alive.
const AT_A_TIME: usize = 8 * 1024;

/// How long it takes until what could not be written is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long the end of a session waits for a target that takes nothing.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// How long it waits for one that takes something now and then.
const LONGEST_END: Duration = Duration::from_secs(30);

/// The thread that writes lines.
#[derive(Debug)]
pub struct Writer {
    done: Receiver<()>,
    tally: Arc<Tally>,
    failure: Failure,
}

/// The error that keeps lines from being written now; `None` while they are.
type Failure = Arc<Mutex<Option<String>>>;

/// How the writing ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Lines that were not written.
    pub lost: u64,
    /// Nobody can read what is written: the reader is gone.
    pub closed: bool,
    /// The last lines are among the lost ones: the target had stopped taking any.
    pub cut: bool,
    /// Why it took none, where that was an error.
    pub failure: Option<String>,
}

impl Writer {
    pub(super) fn start(
        target: impl Write + Send + 'static,
        lines: Receiver<String>,
        tally: Arc<Tally>,
    ) -> Self {
        let (end, done) = bounded(0);
        let failure = Failure::default();
        let (counted, noted) = (Arc::clone(&tally), Arc::clone(&failure));
        thread::spawn(move || {
            Lines { target, tally: counted, failure: noted, bytes: Vec::new(), at: 0 }
                .write_all(&lines);
            drop(end);
        });
        Self { done, tally, failure }
    }

    /// Waits until everything is written, or until the target takes nothing any more: a reader that
    /// has stalled must not keep a session from ending. Every [`Output`](super::Output) must be gone.
    pub fn finish(self) -> Ending {
        self.finish_within(STALLED_AFTER, LONGEST_END)
    }

    pub(super) fn finish_within(self, stalled: Duration, longest: Duration) -> Ending {
        let deadline = Instant::now() + longest;
        let mut bytes = self.tally.bytes();
        // The channel is never sent to: the thread's end of it goes when the thread does.
        while self.done.recv_timeout(stalled) == Err(RecvTimeoutError::Timeout) {
            let before = std::mem::replace(&mut bytes, self.tally.bytes());
            if bytes == before || Instant::now() >= deadline {
                break;
            }
        }
        let unwritten = self.tally.unwritten();
        Ending {
            lost: self.tally.lost() + unwritten,
            closed: self.tally.is_closed(),
            cut: unwritten > 0,
            failure: self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// What is to be said of lines that were not written; nothing where all were.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, closed, cut, failure } = self;
        match failure {
            _ if *lost == 0 => Ok(()),
            _ if *closed => write!(f, "{lost} records were not written: standard output is closed"),
            Some(error) if *cut => {
                write!(f, "{lost} records could not be written to standard output: {error}")
            }
            _ if *cut => {
                write!(f, "{lost} records were not written: standard output takes nothing more")
            }
            _ => write!(f, "{lost} records were lost: whoever reads them was too slow"),
        }
    }
}

/// Lines in the hand of the thread that writes them.
struct Lines<W> {
    target: W,
    tally: Arc<Tally>,
    failure: Failure,
    /// Whole lines, of which those up to `at` are written. What is left over from a failure goes on
    /// where it stopped, so that no line is torn by another.
    bytes: Vec<u8>,
    at: usize,
}

impl<W: Write> Lines<W> {
    /// Writes what comes, and holds nothing back when no more is waiting.
    fn write_all(mut self, lines: &Receiver<String>) {
        while let Ok(first) = lines.recv() {
            let mut count = 0;
            for line in std::iter::once(first).chain(lines.try_iter()) {
                self.bytes.extend_from_slice(line.as_bytes());
                self.bytes.push(b'\n');
                count += 1;
                if self.bytes.len() >= GATHERED {
                    break;
                }
            }
            if !self.write_gathered() {
                return;
            }
            self.tally.wrote(count);
        }
    }

    /// Writes what was gathered, however long it takes; false when nobody can read it any more.
    fn write_gathered(&mut self) -> bool {
        while self.at < self.bytes.len() {
            match self.write_some() {
                Ok(()) => self.recover(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_closed(&error) => {
                    self.tally.close();
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
                self.tally.took(taken);
                Ok(())
            }
        }
    }

    /// Says that writing fails, once for as long as it does.
    fn fail(&self, error: &io::Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            log::warn!(
                "cannot write records to standard output: {error}; trying again every second, \
                 enforcement goes on"
            );
        }
        *failure = Some(error.to_string());
    }

    /// Says that writing works again.
    fn recover(&self) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.take().is_some() {
            let lost = self.tally.lost();
            log::warn!("records are written to standard output again; {lost} lost so far");
        }
    }
}

/// Whether an error says that nobody can ever read what is written.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted | NotConnected)
}
