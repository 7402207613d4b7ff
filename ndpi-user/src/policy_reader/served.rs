//! The files that a child asks for, as the session gives them: each is read once, and what messages quote is of the same
//! bytes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use ndpi_policy::{Files, LONGEST_FILE};

use super::wire::{Wire, Word};

/// Files by their paths.
pub(super) struct Served<'a> {
    files: &'a dyn Files,
    /// How many bytes are still given, paths included.
    left: Cell<u64>,
    read: RefCell<HashMap<PathBuf, io::Result<Vec<u8>>>>,
}

impl<'a> Served<'a> {
    /// Reads them from `files`, and gives `most` bytes: whoever asks may ask for any file, and for ever.
    pub(super) fn of(files: &'a dyn Files, most: u64) -> Self {
        Self { files, left: Cell::new(most), read: RefCell::default() }
    }

    /// Sends the file at `path`, or why there is none.
    pub(super) fn send(
        &self,
        path: PathBuf,
        longest: u64,
        wire: &Wire<impl std::os::fd::AsFd>,
    ) -> io::Result<()> {
        self.give(path.as_os_str().len())?;
        let longest = longest.min(LONGEST_FILE);
        let mut read = self.read.borrow_mut();
        let file = read.entry(path).or_insert_with_key(|path| self.files.read(path, longest));
        match file {
            Ok(bytes) => {
                self.give(bytes.len())?;
                wire.send_all(bytes)
            }
            Err(error) => wire.say(&match error.raw_os_error() {
                Some(number) => Word::NoFile(number),
                None => Word::Unreadable(error.to_string()),
            }),
        }
    }

    /// Takes so many bytes from those that are given.
    fn give(&self, bytes: usize) -> io::Result<()> {
        let left = self.left.get().checked_sub(bytes as u64);
        self.left.set(left.ok_or(io::ErrorKind::QuotaExceeded)?);
        Ok(())
    }

    /// The bytes of a file that was given.
    pub(super) fn given(&self, path: &Path) -> Option<Vec<u8>> {
        self.read.borrow().get(path)?.as_ref().ok().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::post::pair;
    use super::*;

    #[test]
    fn whoever_asks_for_ever_is_given_no_more_than_some() {
        let (wire, _other) = pair().unwrap();
        let wire = Wire(wire);
        let files = |path: &Path, _| match path.to_str() {
            Some("none") => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(vec![7; 10]),
        };
        for (path, times) in [("list", 7), ("none", 25)] {
            let served = Served::of(&files, 100);
            for _ in 0..times {
                served.send(path.into(), 10, &wire).unwrap();
            }
            let error = served.send(path.into(), 10, &wire).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded, "{path}");
        }
    }
}
