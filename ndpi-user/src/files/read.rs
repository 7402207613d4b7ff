//! Reading files and nothing else: what is no regular file is refused before it can be waited for.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use super::within;

/// How long a file system may take to give a file. A local one takes milliseconds.
const READ_WAIT: Duration = Duration::from_secs(10);

/// Reads the regular file at `path`, of at most `longest` bytes.
///
/// # Errors
///
/// It cannot be opened or read in time, is no regular file, or is longer.
pub fn read_bytes(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let name = path.to_owned();
    within(path, READ_WAIT, move || read_open(open_regular(&name)?, longest))?
}

/// Fails unless `path` leads to a regular file that can be opened in time: for whoever opens files by
/// name and would wait at a named pipe for ever.
///
/// # Errors
///
/// As [`read_bytes`].
pub fn check_regular(path: &Path) -> io::Result<()> {
    let name = path.to_owned();
    within(path, READ_WAIT, move || open_regular(&name).map(drop))?
}

/// Opens a regular file. Looked at twice: opening a device may do something, and a path may lead
/// elsewhere by then.
fn open_regular(path: &Path) -> io::Result<File> {
    regular(std::fs::metadata(path)?.file_type())?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    regular(file.metadata()?.file_type())?;
    Ok(file)
}

fn read_open(file: File, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        let message = format!("it has more than {} MiB", longest >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

fn regular(kind: FileType) -> io::Result<()> {
    let what = match kind {
        _ if kind.is_file() => return Ok(()),
        _ if kind.is_dir() => "a folder",
        _ if kind.is_fifo() => "a named pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a regular file")))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for (path, what) in [
            (pipe.as_path(), "a named pipe"),
            (&link, "a named pipe"),
            (folder.path(), "a folder"),
            (Path::new("/dev/zero"), "a device"),
        ] {
            let error = read_bytes(path, 100).unwrap_err().to_string();
            assert_eq!(error, format!("it is {what}, not a regular file"), "{path:?}");
            assert_eq!(check_regular(path).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn files_are_read_up_to_a_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "x".repeat(100)).unwrap();
        assert_eq!(read_bytes(&path, 100).unwrap().len(), 100);
        assert_eq!(read_bytes(&path, 99).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(
            read_bytes(&folder.path().join("gone"), 1).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
