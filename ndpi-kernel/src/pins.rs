//! The directory on the BPF file system in which the maps are pinned.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::mount::{MountFlags, mount};

use super::folder::{Folder, FolderError, On, is_on_bpf};
use super::instance::Instance;
use super::lock::{Lock, LockError};
use super::map_set::{MapSet, names};
use super::maps::MapError;

/// Where the BPF file system is mounted by convention.
const BPF_FILE_SYSTEM: &str = "/sys/fs/bpf";

/// How often a directory is taken again that its last user removed meanwhile.
const TRIES: usize = 16;

/// The pin directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Another instance has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No BPF file system, and it could not be mounted.
    #[error(
        "no BPF file system is mounted at {BPF_FILE_SYSTEM}, and mounting it failed; mount it with: \
         mount -t bpf -o mode=0700 bpf {BPF_FILE_SYSTEM}"
    )]
    Mount(#[source] io::Error),
    /// The directory cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Something could not be pinned in it.
    #[error("cannot pin {}", .path.display())]
    Pin {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The note about this instance could not be made.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// A pin directory held by this process. On drop the pins and the directory are removed.
// Fields are dropped in this order: the right to the directory before those above it that were made.
#[derive(Debug)]
pub(super) struct Pins {
    lock: Lock,
    folder: Folder,
}

impl Pins {
    /// Takes `directory`, and removes what a crashed instance left in it.
    pub(super) fn take(directory: &Path) -> Result<Self, PinError> {
        mount_bpf_file_system(directory)?;
        let (folder, lock) = make_and_lock(directory)?;
        if remove_pins(&folder)? > 0 {
            log::info!("removed the maps that an earlier instance left in {}", directory.display());
        }
        Ok(Self { lock, folder })
    }

    /// Pins `maps` and a note about this instance, readable by their owner alone, as the kernel has
    /// it.
    pub(super) fn pin(&self, maps: &MapSet) -> Result<(), PinError> {
        maps.pin(&self.folder).map_err(|(name, source)| {
            let path = self.folder.path().join(name);
            PinError::Pin { path, source }
        })?;
        Ok(Instance::current().pin(&self.folder)?)
    }

    /// Says whose programs these are, for `detach` with another pin directory to leave them alone.
    pub(super) fn note(&mut self, programs: &[u32]) -> Result<(), PinError> {
        Ok(self.lock.note(programs)?)
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        self.folder.path()
    }

    /// Where commands to whoever holds the directory come in.
    pub(super) fn socket_path(&self) -> PathBuf {
        self.lock.socket_path()
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            log::warn!("{error}; remove it with: ndpi-xdp detach");
        }
    }
}

/// The directory, made where it is missing, and the right to it.
fn make_and_lock(directory: &Path) -> Result<(Folder, Lock), PinError> {
    for _ in 0..TRIES {
        let folder = Folder::make(directory, Mode::RWXU, On::Bpf)?;
        let lock = Lock::take(&folder)?;
        // Its last user may have removed it after it was opened here.
        if folder.is_there() {
            return Ok((folder, lock));
        }
    }
    let (doing, path) = ("keep", directory.to_owned());
    let source = io::ErrorKind::NotFound.into();
    Err(FolderError::Call { doing, path, source }.into())
}

/// Removes our pins in `folder`, and the folder if nothing else is in it; says how many pins there
/// were.
pub(super) fn remove(folder: &Folder) -> Result<usize, FolderError> {
    let removed = remove_pins(folder)?;
    folder.remove_if_empty();
    Ok(removed)
}

fn remove_pins(folder: &Folder) -> Result<usize, FolderError> {
    let mut removed = 0;
    for name in names().chain([Instance::PIN]) {
        removed += usize::from(folder.remove(name)?);
    }
    Ok(removed)
}

/// Mounts the BPF file system at its place if `directory` is to be on it and it is not there. Only
/// root may look into it: whoever could make files there could be first with a name of ours.
fn mount_bpf_file_system(directory: &Path) -> Result<(), PinError> {
    let place = Path::new(BPF_FILE_SYSTEM);
    let directory = std::path::absolute(directory).map_err(PinError::Mount)?;
    if !directory.starts_with(place) || is_on_bpf(place) {
        return Ok(());
    }
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV;
    mount("bpf", place, "bpf", flags, c"mode=0700")
        .map_err(|error| PinError::Mount(error.into()))?;
    log::info!("mounted the BPF file system at {BPF_FILE_SYSTEM}, which was missing");
    Ok(())
}
