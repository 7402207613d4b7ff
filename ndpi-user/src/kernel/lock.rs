//! One instance per pin directory: a locked file under `/run`, which the kernel unlocks when its
//! holder is gone, however it went. It names the holder and its programs, a number a line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Where the lock files are.
const DIRECTORY: &str = "/run/ndpi-xdp";

/// What the name of a socket ends with, in place of the lock file's `lock`.
const SOCKET: &str = "sock";

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
    /// The socket of a holder that is gone could not be removed.
    #[error("cannot remove the control socket {}; no instance uses it", .path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The right to use a pin directory, until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// Holds the lock as long as it is open.
    file: File,
    path: PathBuf,
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
        let mut file = loop {
            let mut file = open.open(&path).map_err(failed)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Its last holder may have removed it after it was opened here.
                Ok(()) if is_at(&file, &path) => break file,
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let pid = numbers(&mut file).first().copied();
                    return Err(LockError::Held { pins: pins.to_owned(), pid });
                }
                Err(error) => return Err(failed(error.into())),
            }
        };
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { file, path })
    }

    /// Notes the programs that belong to the holder, by their numbers.
    pub(super) fn note(&mut self, programs: &[u32]) -> Result<(), LockError> {
        let failed = |source| LockError::File { path: self.path.clone(), source };
        programs.iter().try_for_each(|id| writeln!(self.file, "{id}")).map_err(failed)
    }

    /// Removes the socket that a holder which is gone has left ([`socket_path`]); says whether there
    /// was one. Nobody listens at it: who does has the lock.
    pub(super) fn remove_socket(&self) -> Result<bool, LockError> {
        let path = self.path.with_extension(SOCKET);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(LockError::Socket { path, source }),
        }
    }
}

impl Drop for Lock {
    /// Removes the file while it is still locked: who opens it from here on makes another.
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::debug!("removing {}: {error}", self.path.display());
        }
    }
}

/// Whether `path` still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let ids = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if ids(&a) == ids(&b))
}

/// Whether a running instance holds `pins`.
pub(super) fn is_held(pins: &Path) -> bool {
    open_if_held(&Path::new(DIRECTORY).join(file_name(pins))).is_some()
}

/// The programs of all running instances, by their numbers.
pub(super) fn programs_in_use() -> Vec<u32> {
    programs_in_use_in(Path::new(DIRECTORY))
}

fn programs_in_use_in(directory: &Path) -> Vec<u32> {
    let locks = fs::read_dir(directory).into_iter().flatten().flatten();
    let held = locks.filter_map(|lock| open_if_held(&lock.path()));
    held.flat_map(|mut lock| numbers(&mut lock).into_iter().skip(1)).collect()
}

/// The lock file, if somebody holds it.
fn open_if_held(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    let free = flock(&file, FlockOperation::NonBlockingLockShared);
    (free == Err(rustix::io::Errno::WOULDBLOCK)).then_some(file)
}

/// Where the instance that holds `pins` listens for commands ([`crate::control`]).
pub fn socket_path(pins: &Path) -> PathBuf {
    Path::new(DIRECTORY).join(file_name(pins)).with_extension(SOCKET)
}

/// A file name for a path: `/` becomes `-`, what could be confused with it is escaped.
fn file_name(pins: &Path) -> String {
    let path = pins.to_string_lossy();
    let name = path.trim_matches('/').replace('%', "%25").replace('-', "%2d").replace('/', "-");
    name + ".lock"
}

/// The numbers in a lock file, a line each.
fn numbers(file: &mut File) -> Vec<u32> {
    let mut text = String::new();
    // A holder that has not written yet has no numbers.
    let _ = file.read_to_string(&mut text);
    text.lines().filter_map(|line| line.parse().ok()).collect()
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
        let third = Lock::take_in(&directory, pins).unwrap();
        assert!(third.path.exists());
        drop(third);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "nothing is left behind");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn programs_count_as_in_use_as_long_as_their_holder_is_there() {
        let name = format!("ndpi-lock-programs-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let mut first = Lock::take_in(&directory, Path::new("/a")).unwrap();
        first.note(&[7, 9]).unwrap();
        let mut second = Lock::take_in(&directory, Path::new("/b")).unwrap();
        second.note(&[11]).unwrap();
        drop(second);
        assert_eq!(programs_in_use_in(&directory), [7, 9]);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_socket_is_beside_the_lock() {
        let path = socket_path(Path::new("/sys/fs/bpf/ndpi.xdp"));
        assert_eq!(path, Path::new("/run/ndpi-xdp/sys-fs-bpf-ndpi.xdp.sock"));
    }

    #[test]
    fn different_paths_have_different_files() {
        assert_eq!(file_name(Path::new("/sys/fs/bpf/ndpi-xdp")), "sys-fs-bpf-ndpi%2dxdp.lock");
        assert_ne!(file_name(Path::new("/a/b")), file_name(Path::new("/a-b")));
    }
}
