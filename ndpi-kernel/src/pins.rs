//! The directory on the BPF file system in which the maps are pinned.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::mount::{MountFlags, mount};

use super::earlier::Earlier;
use super::folder::{Folder, FolderError, On, is_on_bpf};
use super::instance::Instance;
use super::link_pins::LinkPins;
use super::lock::{Lock, LockError};
use super::map_set::{MapSet, names};
use super::maps::MapError;
use super::options::detach_command;
use super::shape::Shapes;

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

/// A pin directory held by this process. On drop the pins and the directory are removed, unless they are to
/// [stay](Pins::set_stays). What an instance that is gone has left in it stays as it is until its place is
/// [taken](Pins::exchange).
// Fields are dropped in this order: the right to the directory before those above it that were made.
#[derive(Debug)]
pub(super) struct Pins {
    lock: Lock,
    folder: Folder,
    stays: bool,
    /// What is in it is of an instance that is gone, whose place is not taken.
    is_anothers: bool,
}

impl Pins {
    /// Takes `directory`, with what an instance that is gone has left in it.
    pub(super) fn take(directory: &Path) -> Result<Self, PinError> {
        mount_bpf_file_system(directory)?;
        let (folder, lock) = make_and_lock(directory)?;
        let is_anothers = folder.has(Instance::PIN);
        let mut pins = Self { lock, folder, stays: false, is_anothers };
        // Until it is known what of it is of use, nothing of it goes.
        pins.set_stays(is_anothers);
        // Of a start that was killed.
        remove_staged(&pins.folder)?;
        Ok(pins)
    }

    /// What an instance that is gone has left here, beside what maps are to be like.
    pub(super) fn earlier(&self, shapes: &Shapes) -> Result<Earlier, PinError> {
        Ok(Earlier::open(&self.folder, shapes)?)
    }

    /// Where links are pinned.
    pub(super) fn links(&self) -> Result<LinkPins, PinError> {
        Ok(LinkPins::make(self.folder.path())?)
    }

    /// The path of a pinned map.
    pub(super) fn map(&self, name: &str) -> PathBuf {
        self.folder.entry(name)
    }

    /// Pins `maps` and a note about this instance beside what is there, readable by their owner alone, as the
    /// kernel has it, but for those of `earlier` that are the same.
    pub(super) fn stage(&self, maps: &MapSet, earlier: &Earlier) -> Result<(), PinError> {
        Instance::current().stage(&self.folder)?;
        maps.stage(&self.folder, |name| !earlier.is_same(name)).map_err(self.failed())
    }

    /// Puts what was staged in the place of what `earlier` has left, which is this instance's from here on.
    /// However this is cut short, beside a note there are only maps of its version.
    pub(super) fn exchange(&mut self, earlier: &Earlier) -> Result<(), PinError> {
        if !earlier.is_of_our_version() {
            remove_maps(&self.folder)?;
        }
        for name in [Instance::PIN].into_iter().chain(names()) {
            self.folder.exchange(name).map_err(|error| self.failed()((name, error)))?;
        }
        self.is_anothers = false;
        self.set_stays(false);
        self.lock.forget_earlier().map_err(Into::into)
    }

    fn failed(&self) -> impl Fn((&'static str, io::Error)) -> PinError + use<> {
        let folder = self.folder.path().to_owned();
        move |(name, source)| PinError::Pin { path: folder.join(name), source }
    }

    /// Says whose programs these are, for `detach` with another pin directory to leave them alone.
    pub(super) fn note(&mut self, programs: &[u32]) -> Result<(), PinError> {
        Ok(self.lock.note(programs)?)
    }

    /// Programs of other instances, running or gone.
    pub(super) fn programs_of_others(&self) -> Vec<u32> {
        self.lock.programs_of_others()
    }

    /// Leaves everything as the earlier instance has left it, and says so.
    fn give_back(&mut self) {
        log::warn!(
            "what an earlier instance has left is as it was: what it decided is enforced without a process. Start \
             again, or end that: {}",
            detach_command(self.folder.path())
        );
        let removed = remove_staged(&self.folder).map_err(anyhow::Error::new);
        if let Err(error) = removed.and_then(|()| Ok(self.lock.give_back()?)) {
            log::warn!("{error:#}");
        }
    }

    /// Leaves everything in its place when this is dropped, or not.
    pub(super) fn set_stays(&mut self, stays: bool) {
        self.stays = stays;
        self.lock.set_stays(stays);
        if stays {
            self.folder.keep();
        }
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        self.folder.path()
    }

    /// Where commands to whoever holds the directory come in.
    pub(super) fn socket_path(&self) -> PathBuf {
        self.lock.socket_path()
    }

    /// Where something can be kept for whoever holds the directory next, or one that takes its place.
    pub(super) fn kept_path(&self, name: &str) -> PathBuf {
        self.lock.kept_path(&self.folder, name)
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        if self.is_anothers {
            return self.give_back();
        }
        if self.stays {
            return;
        }
        if let Err(error) = remove(&self.folder) {
            log::warn!("{error}; remove it with: {}", detach_command(self.folder.path()));
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

/// Removes our pins in `folder`, and the folder if nothing else is in it; says how many maps there were.
/// Programs that are held by nothing but pinned links come off.
pub(super) fn remove(folder: &Folder) -> Result<usize, FolderError> {
    if let Some(links) = LinkPins::open(folder.path())? {
        for name in links.names() {
            links.remove(&name)?;
        }
        links.remove_if_empty();
    }
    let removed = remove_maps(folder)?;
    remove_staged(folder)?;
    folder.remove_if_empty();
    Ok(removed)
}

/// Removes what a start that came to no end has staged.
fn remove_staged(folder: &Folder) -> Result<(), FolderError> {
    [Instance::PIN].into_iter().chain(names()).try_for_each(|name| folder.unstage(name).map(drop))
}

/// Removes maps, and the note about them first: without it nobody takes the rest for whole.
fn remove_maps(folder: &Folder) -> Result<usize, FolderError> {
    let mut removed = 0;
    for name in [Instance::PIN].into_iter().chain(names()) {
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
