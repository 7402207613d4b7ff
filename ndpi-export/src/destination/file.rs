//! A file that others may move away, and that makes room for the next one when it is large or old enough.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use ndpi_text::shown;

use super::interface::{Next, Target};
use super::open::Open;
use super::reopen::{Reopen, Reopened};
use super::rotated::Keeper;

/// How long it takes until the next file is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// When a file makes room for the next one, and what is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// At this many bytes.
    pub(crate) size: Option<u64>,
    /// At this age.
    pub(crate) every: Option<Duration>,
    /// How many earlier ones are kept; all where none is said.
    pub(crate) keep: Option<usize>,
    /// Whether earlier ones are compressed (gzip).
    pub(crate) compress: bool,
}

impl Rotation {
    pub(crate) fn is_asked_for(&self) -> bool {
        self.size.is_some() || self.every.is_some()
    }

    /// Whether a file is to make room. One without a record never does: the next would be no better.
    fn is_due(&self, open: &Open) -> bool {
        let age = open.begun.elapsed().unwrap_or_default();
        open.has_records()
            && (self.size.is_some_and(|most| open.size >= most)
                || self.every.is_some_and(|most| age >= most))
    }
}

/// A file of records.
pub(crate) struct FileTarget {
    path: PathBuf,
    rotation: Rotation,
    keeper: Option<Keeper>,
    reopened: Reopened,
    /// Whether it is to be opened again.
    is_left: bool,
    open: Option<Open>,
    failed: Option<Failed>,
}

/// Why there is no next file, and since when.
struct Failed {
    text: String,
    at: Instant,
}

impl FileTarget {
    pub(crate) fn new(path: PathBuf, rotation: Rotation, reopen: &Reopen) -> Self {
        let keeper = rotation
            .is_asked_for()
            .then(|| Keeper::start(path.clone(), rotation.keep, rotation.compress));
        let reopened = reopen.follow();
        Self { path, rotation, keeper, reopened, is_left: false, open: None, failed: None }
    }

    /// Goes on with the file of this name, or with the one that is open where that cannot be had now; true where it
    /// is empty.
    fn renew(&mut self, is_due: bool) -> bool {
        if self.failed.as_ref().is_some_and(|failed| failed.at.elapsed() < RETRY_AFTER) {
            return false;
        }
        match self.next(is_due) {
            Ok(open) => {
                let is_empty = open.size == 0;
                (self.open, self.failed, self.is_left) = (Some(open), None, false);
                is_empty
            }
            Err(error) => {
                let text = format!(
                    "cannot go on in the next file: {error}; what is open is written to, and it is tried again \
                     every {RETRY_AFTER:?}"
                );
                self.failed = Some(Failed { text, at: Instant::now() });
                false
            }
        }
    }

    /// Gives the file another name if that is due, and opens the next one.
    fn next(&self, is_due: bool) -> io::Result<Open> {
        let Some(keeper) = self.keeper.as_ref().filter(|_| is_due) else {
            return Open::at(&self.path);
        };
        // Somebody may have moved it away, or it was renamed before the next one could not be made.
        if Open::identity_at(&self.path) == self.open.as_ref().map(|open| open.identity) {
            std::fs::rename(&self.path, keeper.next_name(SystemTime::now()))?;
        }
        let open = Open::at(&self.path)?;
        keeper.tidy();
        Ok(open)
    }
}

impl Target for FileTarget {
    fn name(&self) -> String {
        shown(&self.path).to_string()
    }

    fn ready(&mut self) -> io::Result<bool> {
        self.is_left |= self.reopened.is_asked_for();
        let Some(open) = &self.open else {
            let open = self.open.insert(Open::at(&self.path)?);
            self.is_left = false;
            return Ok(open.size == 0);
        };
        let is_due = self.rotation.is_due(open);
        Ok((is_due || self.is_left) && self.renew(is_due))
    }

    fn begin(&mut self, preamble: &[u8]) -> io::Result<usize> {
        let taken = self.write(preamble, 0)?;
        if let Some(open) = &mut self.open {
            open.preamble += taken as u64;
        }
        Ok(taken)
    }

    fn trouble(&self) -> Option<&str> {
        self.failed.as_ref().map(|failed| &*failed.text)
    }

    fn write(&mut self, bytes: &[u8], _records: usize) -> io::Result<usize> {
        let Some(open) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        let taken = open.file.write(bytes)?;
        open.size += taken as u64;
        Ok(taken)
    }

    fn after(&mut self, _error: &io::Error) -> Next {
        // What a full disk took of a record stays, and the rest follows.
        Next::Rest
    }
}

#[cfg(test)]
mod tests;
