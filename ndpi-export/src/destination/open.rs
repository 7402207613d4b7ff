//! Opening files of records, and what is known of one that is open.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::SystemTime;

/// A file that is open.
pub(super) struct Open {
    pub(super) file: File,
    pub(super) size: u64,
    /// How much of it comes before the first record, where it was begun here.
    pub(super) preamble: u64,
    pub(super) begun: SystemTime,
    /// Device and inode: what the name leads to may be another file by now.
    pub(super) identity: (u64, u64),
}

impl Open {
    /// Opens the file, or makes it, to append to it.
    ///
    /// # Errors
    ///
    /// It cannot be opened, is no regular file or a symbolic link: who may write to the folder could have it lead
    /// anywhere.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        if let Ok(metadata) = fs::symlink_metadata(path) {
            check(&metadata)?;
        }
        let flags = libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NOFOLLOW;
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true).mode(0o640).custom_flags(flags);
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        check(&metadata)?;
        let begun = match metadata.len() {
            0 => SystemTime::now(),
            _ => metadata.created().unwrap_or_else(|_| SystemTime::now()),
        };
        let identity = (metadata.dev(), metadata.ino());
        let mut open = Self { file, size: metadata.len(), preamble: 0, begun, identity };
        if open.size > 0 {
            open.end_line()?;
        }
        Ok(open)
    }

    /// What the name leads to now.
    pub(super) fn identity_at(path: &Path) -> Option<(u64, u64)> {
        fs::symlink_metadata(path).ok().map(|it| (it.dev(), it.ino()))
    }

    /// Whether there is more in it than what every file begins with.
    pub(super) fn has_records(&self) -> bool {
        self.size > self.preamble
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

/// Whether records can be appended to a file, which is made where there is none.
///
/// # Errors
///
/// They cannot be now.
pub(crate) fn check_file(path: &Path) -> io::Result<()> {
    Open::at(path).map(drop)
}

fn check(metadata: &fs::Metadata) -> io::Result<()> {
    let what = match metadata.file_type() {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_symlink() => "this is a symbolic link; name the file that it leads to",
        kind if kind.is_dir() => "this is a folder",
        _ => "this is no regular file",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}
