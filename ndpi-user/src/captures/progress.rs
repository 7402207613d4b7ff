//! How far the reading has come, on a terminal and when it takes long.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ndpi_capture::Progress;

use crate::locked::locked;

/// What takes less is over before anyone looks.
const LONG: Duration = Duration::from_secs(1);

/// A bar over all captures.
pub(crate) struct Bar {
    view: View,
    /// The captures that were opened so far.
    opened: Mutex<Vec<Progress>>,
}

/// Where it is shown.
enum View {
    Hidden,
    Terminal(Terminal),
    /// To the process that shows it.
    Sent(Box<dyn Fn(u64) + Send + Sync>),
}

struct Terminal {
    bar: ProgressBar,
    started: Instant,
    shown: Once,
    captures: usize,
}

impl Bar {
    /// A bar on standard error, if that is a terminal and something may be said there.
    pub(crate) fn new(sets: &[Vec<PathBuf>]) -> Self {
        let quiet = !log::log_enabled!(log::Level::Info);
        if quiet || !std::io::stderr().is_terminal() {
            return Self::hidden();
        }
        let captures = sets.iter().map(Vec::len).sum();
        Self { view: View::Terminal(Terminal::new(sets, captures)), opened: Mutex::default() }
    }

    /// A bar that nobody sees.
    pub(crate) fn hidden() -> Self {
        Self { view: View::Hidden, opened: Mutex::default() }
    }

    /// One that somebody else shows, who is sent how many bytes were read.
    pub(crate) fn sent(send: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self { view: View::Sent(Box::new(send)), opened: Mutex::default() }
    }

    /// A capture was opened.
    pub(crate) fn opened(&self, progress: Progress) {
        locked(&self.opened).push(progress);
        self.show();
    }

    /// Shows how much was read. Cheap, but not for every packet.
    pub(crate) fn show(&self) {
        if matches!(self.view, View::Hidden) {
            return;
        }
        let opened = locked(&self.opened);
        self.set(opened.iter().map(Progress::read).sum(), opened.len().saturating_sub(1));
    }

    /// Shows that `read` bytes of the captures were read, and `done` captures to their end.
    pub(crate) fn set(&self, read: u64, done: usize) {
        match &self.view {
            View::Hidden => {}
            View::Terminal(terminal) => terminal.set(read, done),
            View::Sent(send) => send(read),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let View::Terminal(terminal) = &self.view {
            terminal.bar.finish_and_clear();
        }
    }
}

impl Terminal {
    fn new(sets: &[Vec<PathBuf>], captures: usize) -> Self {
        let (bar, template) = match length(sets) {
            Some(length) => (
                ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden()),
                "{bar:40} {msg}{bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            ),
            None => (ProgressBar::hidden(), "{spinner} {msg}{bytes} read, {bytes_per_sec}"),
        };
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        Self { bar: bar.with_style(style), started: Instant::now(), shown: Once::new(), captures }
    }

    fn set(&self, read: u64, done: usize) {
        if self.started.elapsed() < LONG {
            return;
        }
        self.shown.call_once(|| self.bar.set_draw_target(ProgressDrawTarget::stderr()));
        if self.captures > 1 {
            self.bar.set_message(format!("{done} of {} captures, ", self.captures));
        }
        self.bar.set_position(read);
    }
}

/// Bytes of all files; `None` where one of them is a stream.
fn length(sets: &[Vec<PathBuf>]) -> Option<u64> {
    sets.iter().flatten().map(bytes_of).sum()
}

/// Bytes of a file; `None` of a stream.
pub(crate) fn bytes_of(path: &PathBuf) -> Option<u64> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_file() => Some(about.len()),
        Ok(_) => None,
        Err(_) => (path.as_os_str() != "-").then_some(0),
    }
}
