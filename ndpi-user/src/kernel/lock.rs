//! One instance per pin directory: a locked file under `/run`, which the kernel unlocks when its
//! holder is gone, however it went.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Where the lock files are.
const DIRECTORY: &str = "/run/ndpi-xdp";

/// The pin directory could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another instance has it.
    #[error(
        "{} is in use by a running ndpi-xdp{}; stop that one first, or give this one another \
         --pin-dir", .pins.display(), .pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
    )]
    Held {
        /// The pin directory.
        pins: PathBuf,
        /// The holder.
        pid: Option<u32>,
    },
    /// The lock file could not be made.
    #[error("cannot make the lock file {}", .path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The right to use a pin directory, until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// Holds the lock as long as it is open.
    _file: File,
}

impl Lock {
    /// Takes `pins`.
    pub(super) fn take(pins: &Path) -> Result<Self, LockError> {
        Self::take_in(Path::new(DIRECTORY), pins)
    }

    fn take_in(directory: &Path, pins: &Path) -> Result<Self, LockError> {
        let path = directory.join(file_name(pins));
        let failed = |source| LockError::File { path: path.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(failed)?;
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = open.open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Held { pins: pins.to_owned(), pid: pid_in(&mut file) });
            }
            Err(error) => return Err(failed(error.into())),
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Whether a running instance holds `pins`.
pub(super) fn is_held(pins: &Path) -> bool {
    File::open(Path::new(DIRECTORY).join(file_name(pins))).is_ok_and(|file| {
        let free = flock(&file, FlockOperation::NonBlockingLockShared);
        free == Err(rustix::io::Errno::WOULDBLOCK)
    })
}

/// A file name for a path: `/` becomes `-`, what could be confused with it is escaped.
fn file_name(pins: &Path) -> String {
    let path = pins.to_string_lossy();
    let name = path.trim_matches('/').replace('%', "%25").replace('-', "%2d").replace('/', "-");
    name + ".lock"
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_the_pid_of_the_first() {
        let directory = std::env::temp_dir().join(format!("ndpi-lock-{}", std::process::id()));
        let pins = Path::new("/sys/fs/bpf/ndpi-xdp");
        let first = Lock::take_in(&directory, pins).unwrap();
        match Lock::take_in(&directory, pins) {
            Err(error @ LockError::Held { pid, .. }) => {
                assert_eq!(pid, Some(std::process::id()));
                assert!(error.to_string().contains("/sys/fs/bpf/ndpi-xdp is in use"));
            }
            other => panic!("{other:?}"),
        }
        Lock::take_in(&directory, Path::new("/sys/fs/bpf/other")).unwrap();
        drop(first);
        Lock::take_in(&directory, pins).unwrap();
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn different_paths_have_different_files() {
        assert_eq!(file_name(Path::new("/sys/fs/bpf/ndpi-xdp")), "sys-fs-bpf-ndpi%2dxdp.lock");
        assert_ne!(file_name(Path::new("/a/b")), file_name(Path::new("/a-b")));
    }
}
