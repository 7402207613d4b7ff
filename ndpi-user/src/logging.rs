//! Logs on standard error, one line each. A reader of theirs that has stalled costs messages, with a
//! count, and not the time of whoever has something to say.

mod journal;
mod message_ids;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use journal::{Journal, SOCKET};

/// How long a message waits for a reader that was there until now.
const READER_WAIT: Duration = Duration::from_millis(200);

/// Bytes that a pipe takes at once when it is ready to take any (`PIPE_BUF`).
const AT_ONCE: usize = 4096;

/// Whether the last message found no reader: the next one does not wait.
static STALLED: AtomicBool = AtomicBool::new(false);

/// Messages that found no reader since the last one that did.
static UNSAID: AtomicU64 = AtomicU64::new(0);

/// The journal that has messages in place of standard error, where that leads there.
static JOURNAL: OnceLock<Journal> = OnceLock::new();

/// An error that keeps coming back: reported the first time, then now and again, with how often it was.
#[derive(Debug, Default)]
pub(crate) struct Recurring(u64);

impl Recurring {
    pub(crate) fn warn(&mut self, error: &anyhow::Error) {
        self.0 += 1;
        if self.0.is_power_of_two() {
            log::warn!("{error:#} ({} times so far)", self.0);
        }
    }
}

/// Starts logging at `level`; `RUST_LOG` refines it. A second call changes nothing.
pub(crate) fn init(level: LevelFilter) {
    let width = stderr_width();
    let mut builder = env_logger::Builder::new();
    builder.filter_level(level).parse_default_env().format(move |out, record| {
        match record.level() {
            Level::Error => write!(out, "error: ")?,
            Level::Warn => write!(out, "warning: ")?,
            Level::Info => {}
            Level::Debug | Level::Trace => write!(out, "{}: ", record.target())?,
        }
        // What was quoted from somewhere does nothing to whoever reads it.
        writeln!(
            out,
            "{}",
            within(width, &ndpi_text::message(&record.args().to_string()).to_string())
        )
    });
    builder.target(env_logger::Target::Pipe(Box::new(StandardError)));
    let lines = builder.build();
    let most = lines.filter();
    // Only tests start it twice, and there the first one stands.
    if log::set_boxed_logger(Box::new(Logger { lines })).is_ok() {
        log::set_max_level(most);
    }
}

/// Has the journal of systemd have messages with their fields from here on, where standard error leads there. To be
/// called when those processes are started that are to have nothing of this one, as its connection.
pub(crate) fn to_journal(instance: &str) {
    match Journal::of_standard_error(Path::new(SOCKET), instance) {
        Ok(Some(journal)) => drop(JOURNAL.set(journal)),
        Ok(None) => {}
        Err(error) => log::info!("the journal has messages without fields: {SOCKET}: {error}"),
    }
}

/// Messages to the journal where there is one that takes them, else as lines.
struct Logger {
    lines: env_logger::Logger,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.lines.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.lines.matches(record) {
            return;
        }
        if JOURNAL.get().is_none_or(|journal| journal.send(record).is_err()) {
            self.lines.log(record);
        }
    }

    fn flush(&self) {
        self.lines.flush();
    }
}

/// A message as wide as the terminal. One of several lines has its own layout.
fn within(width: Option<usize>, message: &str) -> Cow<'_, str> {
    match width {
        Some(width) if !message.contains('\n') => ndpi_text::wrapped(message, width).into(),
        _ => message.into(),
    }
}

/// How many columns standard error has, where it is a terminal.
fn stderr_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0))
}

/// Says something on standard error that is no log message, if somebody reads it.
pub(crate) fn say(text: &str) {
    // Where this cannot be said, nor can the reason.
    let _ = StandardError.write_all(ndpi_text::message(text).to_string().as_bytes());
}

/// Standard error for as long as somebody reads it.
struct StandardError;

impl Write for StandardError {
    /// Writes all of a message, or counts it as unsaid.
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        if takes_some() {
            match UNSAID.swap(0, Ordering::Relaxed) {
                0 => {}
                unsaid => {
                    let note = format!("warning: {unsaid} messages before this found no reader\n");
                    write_while_read(note.as_bytes())?;
                }
            }
            write_while_read(message)?;
        } else {
            UNSAID.fetch_add(1, Ordering::Relaxed);
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the text, or as much of it as somebody reads.
fn write_while_read(mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() && takes_some() {
        match io::stderr().write(&text[..text.len().min(AT_ONCE)]) {
            Ok(written) => text = &text[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether standard error takes something now, or soon. What cannot be waited for takes all.
fn takes_some() -> bool {
    let wait = if STALLED.load(Ordering::Relaxed) { Duration::ZERO } else { READER_WAIT };
    let (stderr, wait) = (io::stderr(), Timespec::try_from(wait).ok());
    let ready = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], wait.as_ref());
    let stalled = ready == Ok(0);
    STALLED.store(stalled, Ordering::Relaxed);
    !stalled
}
