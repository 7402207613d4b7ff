//! The way out: workers hand over finished lines, one thread writes them.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use serde::Serialize;

use crate::policy::{DEFAULT_RULE, UNDECIDED_RULE};
use crate::record::{FlowRecord, StatusRecord, StoppedRecord, VerdictRecord};

/// Lines that may wait to be written. A reader that is slower for longer loses lines, with a count:
/// the classifier never waits for it.
const WAITING_LINES: usize = 64 * 1024;

/// What records look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line: every record.
    Json,
    /// A line a decision that a rule made.
    Text,
}

/// Where records go; cheap to clone.
#[derive(Clone, Debug)]
pub struct Output {
    format: Format,
    lines: Sender<String>,
    lost: Arc<AtomicU64>,
}

/// The thread that writes.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<io::Result<()>>,
    lost: Arc<AtomicU64>,
}

impl Output {
    /// Starts a thread that writes lines to `target` until the last [`Output`] is gone.
    pub fn start(format: Format, target: impl Write + Send + 'static) -> (Self, Writer) {
        let (lines, waiting) = bounded(WAITING_LINES);
        let lost = Arc::new(AtomicU64::new(0));
        let thread = std::thread::spawn(move || write_all(&waiting, BufWriter::new(target)));
        (Self { format, lines, lost: Arc::clone(&lost) }, Writer { thread, lost })
    }

    /// Writes down that a flow was decided.
    pub fn verdict(&self, record: &VerdictRecord<'_>) {
        match self.format {
            Format::Json => self.json(record),
            Format::Text if matches!(record.label.rule, Some(DEFAULT_RULE | UNDECIDED_RULE)) => {}
            Format::Text => self.line(record.to_string()),
        }
    }

    /// Writes down that a flow is over.
    pub fn flow(&self, record: &FlowRecord<'_>) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that the programs run.
    pub fn status(&self, record: &StatusRecord<'_>) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that the programs have stopped.
    pub fn stopped(&self, record: &StoppedRecord) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    fn json(&self, record: &impl Serialize) {
        match serde_json::to_string(record) {
            Ok(line) => self.line(line),
            // Records are structs of texts and numbers; none can fail to serialise.
            Err(error) => log::error!("could not write a record as JSON: {error}"),
        }
    }

    fn line(&self, line: String) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Writer {
    /// Waits until everything is written, and returns how many lines were lost because the reader
    /// was too slow. Every [`Output`] must be gone.
    ///
    /// # Errors
    ///
    /// What kept the lines from being written: a full disk, a pipe that was closed.
    pub fn finish(self) -> io::Result<u64> {
        let result = self.thread.join().unwrap_or_else(|_| Err(io::Error::other("writer ended")));
        result.map(|()| self.lost.load(Ordering::Relaxed))
    }
}

/// Writes what comes, and flushes whenever nothing more is waiting.
fn write_all(lines: &Receiver<String>, mut target: impl Write) -> io::Result<()> {
    while let Ok(first) = lines.recv() {
        for line in std::iter::once(first).chain(lines.try_iter()) {
            target.write_all(line.as_bytes())?;
            target.write_all(b"\n")?;
        }
        target.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc;

    use super::{Format, Output, WAITING_LINES};

    struct Gate(mpsc::Receiver<()>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Fails, and so lets everything through, once the test has let go of the other end.
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_costs_lines_with_a_count_and_never_blocks() {
        let (open, gate) = mpsc::channel();
        let (output, writer) = Output::start(Format::Json, Gate(gate));
        let sent = 2 * WAITING_LINES;
        // Longer than the writer's buffer, so that the first one reaches the gate and waits there.
        output.line("x".repeat(10_000));
        (1..sent).for_each(|_| output.line("x".into()));
        drop((output, open));
        let lost = usize::try_from(writer.finish().unwrap()).unwrap();
        assert!(lost >= sent - WAITING_LINES - 1, "{lost} of {sent} were lost");
    }

    #[test]
    fn a_closed_reader_is_an_error_at_the_end() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (output, writer) = Output::start(Format::Json, Closed);
        output.line("x".into());
        drop(output);
        assert_eq!(writer.finish().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
