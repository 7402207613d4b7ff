//! How far the reading has come, on a terminal and for long input only.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

use crate::capture::Progress;

/// Input shorter than this is over before anyone looks.
const LONG_INPUT: u64 = 64 << 20;

/// A bar over all captures.
pub(in crate::commands) struct Bar {
    bar: ProgressBar,
    /// The captures that were opened so far.
    opened: Mutex<Vec<Progress>>,
}

impl Bar {
    pub(in crate::commands) fn new(worlds: &[Vec<PathBuf>]) -> Self {
        let bar = match length(worlds) {
            _ if !std::io::stderr().is_terminal() => ProgressBar::hidden(),
            Some(length) if length < LONG_INPUT => ProgressBar::hidden(),
            Some(length) => ProgressBar::new(length).with_style(
                ProgressStyle::with_template(
                    "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
                )
                .expect("the template is valid"),
            ),
            None => ProgressBar::new_spinner().with_style(
                ProgressStyle::with_template("{spinner} {bytes} read, {bytes_per_sec}")
                    .expect("the template is valid"),
            ),
        };
        Self { bar, opened: Mutex::default() }
    }

    /// A bar that nobody sees.
    pub(in crate::commands) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), opened: Mutex::default() }
    }

    /// A capture was opened.
    pub(in crate::commands) fn opened(&self, progress: Progress) {
        self.opened.lock().expect("no panics").push(progress);
    }

    /// Shows how much was read. Cheap, but not for every packet.
    pub(in crate::commands) fn show(&self) {
        if !self.bar.is_hidden() {
            let opened = self.opened.lock().expect("no panics");
            self.bar.set_position(opened.iter().map(Progress::read).sum());
        }
    }

    /// Takes the bar away.
    pub(in crate::commands) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Bytes of all files; `None` where one of them is a stream.
fn length(worlds: &[Vec<PathBuf>]) -> Option<u64> {
    let length = |path: &PathBuf| match std::fs::metadata(path) {
        Ok(about) if about.is_file() => Some(about.len()),
        Ok(_) => None,
        Err(_) => (path.as_os_str() != "-").then_some(0),
    };
    worlds.iter().flatten().map(length).sum()
}
