//! Releases in a file, for the next instance with the same pins.
//!
//! It is in the folder of locks and sockets, below `/run`, where nobody but root and the instance's own user can put
//! anything; a reboot ends all releases.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ndpi_text::shown;
use serde::{Deserialize, Serialize};

use super::Book;

/// The version of what is in the file.
const VERSION: u32 = 1;

/// More is not written.
const LONGEST: u64 = 1 << 20;

/// Where releases are kept; without a path nowhere.
#[derive(Debug)]
pub(crate) struct KeptFile(Option<PathBuf>);

#[derive(Deserialize, Serialize)]
struct Content {
    version: u32,
    #[serde(flatten)]
    book: Book,
}

impl KeptFile {
    /// The file at `path`.
    pub(crate) fn at(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// What an earlier instance has kept. What cannot be read is said, and is nothing: the policy holds then.
    pub(crate) fn read(&self) -> Book {
        let Some(path) = &self.0 else { return Book::default() };
        read(path).unwrap_or_else(|error| {
            log::warn!(
                "releases that an earlier instance has kept in {} are over: they cannot be read: {error}",
                shown(path)
            );
            Book::default()
        })
    }

    /// Keeps these. Where that fails, it is said: they hold, and end with this instance.
    pub(crate) fn write(&self, book: &Book) {
        let Some(path) = &self.0 else { return };
        if let Err(error) = write(path, book) {
            log::warn!(
                "releases cannot be kept in {}: what the next instance knows of them is what was kept before: {error}",
                shown(path)
            );
        }
    }
}

fn read(path: &Path) -> io::Result<Book> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
        opened => opened?,
    };
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    let content: Content = serde_json::from_slice(&text)?;
    if content.version != VERSION {
        return Err(io::Error::other(format!("they are of version {}", content.version)));
    }
    Ok(content.book)
}

/// Writes a file beside it, which takes its place when it is whole. Where nothing is released, there is none.
fn write(path: &Path, book: &Book) -> io::Result<()> {
    if book.releases().is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let content = serde_json::to_vec(&Content { version: VERSION, book: book.clone() })?;
    let next = path.with_added_extension("new");
    let written = write_beside(&next, &content).and_then(|()| fs::rename(&next, path));
    if written.is_err() {
        // What is there of it takes room from others.
        let _ = fs::remove_file(next);
    }
    written
}

fn write_beside(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use ndpi_events::{Released, Time};

    use super::*;

    fn book() -> Book {
        let mut book = Book::default();
        for what in [Released::Host("a.example".into()), Released::App("TLS".into())] {
            book.add(&what, Time::from_ns(7_000), Duration::from_mins(1)).unwrap();
        }
        book
    }

    #[test]
    fn what_is_kept_is_read_again_and_nothing_is_left_of_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("releases");
        let kept = KeptFile::at(Some(path.clone()));
        assert_eq!(kept.read(), Book::default());
        kept.write(&book());
        assert_eq!(kept.read(), book());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut none = book();
        assert_eq!(none.end_due(Time::now()).len(), 2);
        kept.write(&none);
        kept.write(&none);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_is_left_of_what_cannot_be_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("releases");
        fs::create_dir(&path).unwrap();
        KeptFile::at(Some(path.clone())).write(&book());
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
        assert_eq!(left, [path]);
    }

    #[test]
    fn what_cannot_be_understood_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("releases");
        let kept = KeptFile::at(Some(path.clone()));
        let other = r#"{"version":2,"last":1,"releases":[]}"#;
        for text in ["", "{", "[]", other] {
            fs::write(&path, text).unwrap();
            assert_eq!(kept.read(), Book::default(), "{text}");
        }
        let nowhere = KeptFile::at(None);
        nowhere.write(&book());
        assert_eq!(nowhere.read(), Book::default());
    }
}
