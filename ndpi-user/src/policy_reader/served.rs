//! The files that a child asks for, as the session gives them: each is read once, and what messages quote is of the same
//! bytes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use ndpi_policy::{Files, LONGEST_FILE};

use super::wire::{Wire, Word};

/// Files by their paths.
pub(super) struct Served<'a> {
    files: &'a dyn Files,
    read: RefCell<HashMap<PathBuf, io::Result<Vec<u8>>>>,
}

impl<'a> Served<'a> {
    /// Reads them from `files`.
    pub(super) fn of(files: &'a dyn Files) -> Self {
        Self { files, read: RefCell::default() }
    }

    /// Sends the file at `path`, or why there is none.
    pub(super) fn send(
        &self,
        path: PathBuf,
        longest: u64,
        wire: &Wire<impl std::os::fd::AsFd>,
    ) -> io::Result<()> {
        let longest = longest.min(LONGEST_FILE);
        let mut read = self.read.borrow_mut();
        let file = read.entry(path).or_insert_with_key(|path| self.files.read(path, longest));
        match file {
            Ok(bytes) => wire.send_all(bytes),
            Err(error) => wire.say(&match error.raw_os_error() {
                Some(number) => Word::NoFile(number),
                None => Word::Unreadable(error.to_string()),
            }),
        }
    }

    /// The bytes of a file that was given.
    pub(super) fn given(&self, path: &Path) -> Option<Vec<u8>> {
        self.read.borrow().get(path)?.as_ref().ok().cloned()
    }
}
