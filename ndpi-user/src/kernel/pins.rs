//! The directory on the BPF file system in which the maps are pinned.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::statfs;
use rustix::mount::{MountFlags, mount};

use super::instance::Instance;
use super::lock::{Lock, LockError};
use super::map_set::{MapSet, names};
use super::maps::MapError;

/// Where the BPF file system is mounted by convention.
const BPF_FILE_SYSTEM: &str = "/sys/fs/bpf";

/// Its magic number (`BPF_FS_MAGIC`).
const MAGIC: i64 = 0xcafe_4a11;

/// The pin directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Another instance has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No BPF file system, and it could not be mounted.
    #[error(
        "no BPF file system is mounted at {BPF_FILE_SYSTEM}, and mounting it failed; mount it with: \
         mount -t bpf bpf {BPF_FILE_SYSTEM}"
    )]
    Mount(#[source] io::Error),
    /// The directory is not on a BPF file system.
    #[error(
        "{} is not on a BPF file system, where maps can be pinned; choose a directory under \
         {BPF_FILE_SYSTEM}", .0.display()
    )]
    NotBpf(PathBuf),
    /// Something in it could not be made or removed.
    #[error("cannot {doing} {}", .path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The note about this instance could not be made.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// A pin directory held by this process. On drop the pins and the directory are removed.
#[derive(Debug)]
pub(super) struct Pins {
    directory: PathBuf,
    lock: Lock,
}

impl Pins {
    /// Takes `directory`, and removes what a crashed instance left in it.
    pub(super) fn take(directory: &Path) -> Result<Self, PinError> {
        mount_bpf_file_system(directory)?;
        let lock = Lock::take(directory)?;
        if remove(directory)? > 0 {
            log::info!("removed the maps that an earlier instance left in {}", directory.display());
        }
        let failed = |source| PinError::File { doing: "make", path: directory.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        if !is_bpf(directory) {
            return Err(PinError::NotBpf(directory.to_owned()));
        }
        Ok(Self { directory: directory.to_owned(), lock })
    }

    /// Pins `maps` and a note about this instance, readable by their owner alone.
    pub(super) fn pin(&self, maps: &MapSet) -> Result<(), PinError> {
        let failed = |path: PathBuf, source| PinError::File { doing: "pin", path, source };
        maps.pin(&self.directory)
            .map_err(|(name, source)| failed(self.directory.join(name), source))?;
        Instance::current().pin(&self.directory)?;
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o600))
                .map_err(|source| failed(entry.path(), source))?;
        }
        Ok(())
    }

    /// Says whose programs these are, for `detach` with another pin directory to leave them alone.
    pub(super) fn note(&mut self, programs: &[u32]) -> Result<(), PinError> {
        Ok(self.lock.note(programs)?)
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.directory) {
            log::warn!("{error}; remove it with: ndpi-xdp detach");
        }
    }
}

/// Removes our pins in `directory`, and the directory if nothing else is in it; says how many pins
/// there were.
pub(super) fn remove(directory: &Path) -> Result<usize, PinError> {
    let mut removed = 0;
    for name in names().chain([Instance::PIN]) {
        let path = directory.join(name);
        match fs::remove_file(&path) {
            Ok(()) => removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(PinError::File { doing: "remove", path, source }),
        }
    }
    // What is not ours keeps the directory.
    let _ = fs::remove_dir(directory);
    Ok(removed)
}

/// Mounts the BPF file system at its place if `directory` is to be on it and it is not there.
fn mount_bpf_file_system(directory: &Path) -> Result<(), PinError> {
    let place = Path::new(BPF_FILE_SYSTEM);
    if !directory.starts_with(place) || is_bpf(place) {
        return Ok(());
    }
    mount("bpf", place, "bpf", MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV, None)
        .map_err(|error| PinError::Mount(error.into()))?;
    log::info!("mounted the BPF file system at {BPF_FILE_SYSTEM}, which was missing");
    Ok(())
}

fn is_bpf(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.f_type == MAGIC)
}
