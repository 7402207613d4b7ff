//! A file that others may move away, and that makes room for the next one when it is large or old enough.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ndpi_text::shown;

use super::interface::{Next, Target};
use super::reopen::{Reopen, Reopened};
use super::rotated::Keeper;

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
}

/// A file of records.
pub(crate) struct FileTarget {
    path: PathBuf,
    rotation: Rotation,
    keeper: Option<Keeper>,
    reopened: Reopened,
    open: Option<Open>,
}

struct Open {
    file: File,
    size: u64,
    begun: SystemTime,
    /// Device and inode: what the name leads to may be another file by now.
    identity: (u64, u64),
}

impl FileTarget {
    pub(crate) fn new(path: PathBuf, rotation: Rotation, reopen: &Reopen) -> Self {
        let keeper = rotation
            .is_asked_for()
            .then(|| Keeper::start(path.clone(), rotation.keep, rotation.compress));
        Self { path, rotation, keeper, reopened: reopen.follow(), open: None }
    }

    fn is_due(&self, open: &Open) -> bool {
        let Rotation { size, every, .. } = self.rotation;
        let age = open.begun.elapsed().unwrap_or_default();
        open.size > 0
            && (size.is_some_and(|most| open.size >= most) || every.is_some_and(|most| age >= most))
    }

    /// Opens the file; true where it is empty.
    fn open(&mut self) -> io::Result<bool> {
        let mut open = Open::at(&self.path)?;
        if open.size > 0 {
            open.end_line()?;
        }
        let is_empty = open.size == 0;
        self.open = Some(open);
        Ok(is_empty)
    }

    /// Gives the file another name.
    fn rotate(&mut self) -> io::Result<()> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        if Open::identity_at(&self.path) == self.open.as_ref().map(|open| open.identity) {
            fs::rename(&self.path, keeper.next_name(SystemTime::now()))?;
        }
        self.open = None;
        keeper.tidy();
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        if let Ok(metadata) = fs::metadata(path)
            && !metadata.is_file()
        {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no regular file"));
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o640)
            .custom_flags(libc::O_CLOEXEC | libc::O_NOCTTY)
            .open(path)?;
        let metadata = file.metadata()?;
        let begun = match metadata.len() {
            0 => SystemTime::now(),
            _ => metadata.created().unwrap_or_else(|_| SystemTime::now()),
        };
        let identity = (metadata.dev(), metadata.ino());
        Ok(Self { file, size: metadata.len(), begun, identity })
    }

    fn identity_at(path: &Path) -> Option<(u64, u64)> {
        fs::metadata(path).ok().map(|it| (it.dev(), it.ino()))
    }

    /// Ends the last line, where a process was killed while it wrote it.
    fn end_line(&mut self) -> io::Result<()> {
        let mut last = [0];
        self.file.seek(SeekFrom::End(-1))?;
        self.file.read_exact(&mut last)?;
        if last != *b"\n" {
            self.file.write_all(b"\n")?;
            self.size += 1;
        }
        Ok(())
    }
}

impl Target for FileTarget {
    fn name(&self) -> String {
        shown(&self.path).to_string()
    }

    fn ready(&mut self) -> io::Result<bool> {
        if self.reopened.is_asked_for() {
            self.open = None;
        }
        if self.open.as_ref().is_some_and(|open| self.is_due(open)) {
            self.rotate()?;
        }
        if self.open.is_none() { self.open() } else { Ok(false) }
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
mod tests {
    use super::*;

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    fn write(target: &mut FileTarget, line: &str) -> bool {
        let begins = target.ready().unwrap();
        assert_eq!(target.write(line.as_bytes(), 1).unwrap(), line.len());
        begins
    }

    #[test]
    fn a_file_that_was_moved_away_is_begun_again_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("flows.json"), folder.path().join("flows.json.1"));
        let reopen = Reopen::default();
        let mut target = FileTarget::new(path.clone(), Rotation::default(), &reopen);
        assert!(write(&mut target, "first\n"));
        fs::rename(&path, &moved).unwrap();
        assert!(!write(&mut target, "second\n"));
        assert!(!path.exists());
        reopen.ask();
        assert!(write(&mut target, "third\n"));
        assert_eq!((text(&moved).as_str(), text(&path).as_str()), ("first\nsecond\n", "third\n"));
    }

    #[test]
    fn a_line_that_was_cut_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.json");
        fs::write(&path, "{\"type\":").unwrap();
        let mut target = FileTarget::new(path.clone(), Rotation::default(), &Reopen::default());
        assert!(!write(&mut target, "{}\n"));
        assert_eq!(text(&path), "{\"type\":\n{}\n");
    }

    #[test]
    fn a_large_file_makes_room_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.csv");
        let rotation = Rotation { size: Some(10), keep: Some(2), compress: true, every: None };
        let mut target = FileTarget::new(path.clone(), rotation, &Reopen::default());
        for _ in 0..5 {
            assert!(write(&mut target, "0123456789\n"), "each begins a file");
        }
        // Waits for the one that compresses.
        drop(target);
        let mut others: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
        others.retain(|it| *it != path);
        assert_eq!(others.len(), 2, "{others:?}");
        for other in others {
            assert!(other.to_str().unwrap().ends_with(".csv.gz"), "{other:?}");
            let mut whole = String::new();
            flate2::read::GzDecoder::new(File::open(other).unwrap())
                .read_to_string(&mut whole)
                .unwrap();
            assert_eq!(whole, "0123456789\n");
        }
        assert_eq!(text(&path), "0123456789\n");
    }

    #[test]
    fn what_is_no_file_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().to_owned();
        let mut target = FileTarget::new(target, Rotation::default(), &Reopen::default());
        assert_eq!(target.ready().unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
