//! Links pinned in a folder beside the maps: they hold their programs on interfaces when the process is
//! gone.

use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::Mode;

use super::folder::{Folder, FolderError, On, Owner};
use super::sys::link;

/// The folder's name among the pins.
const FOLDER: &str = "links";

/// The folder; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LinkPins(Arc<Folder>);

impl LinkPins {
    /// Opens the folder in this pin directory, and makes it where it is missing.
    pub(crate) fn make(pins: &Path) -> Result<Self, FolderError> {
        let mut folder = Folder::make(&pins.join(FOLDER), Mode::RWXU, On::Bpf)?;
        folder.keep();
        Ok(Self(Arc::new(folder)))
    }

    /// Opens the folder, if it is there.
    pub(crate) fn open(pins: &Path) -> Result<Option<Self>, FolderError> {
        let folder = Folder::open(&pins.join(FOLDER), Owner::Given, On::Bpf)?;
        Ok(folder.map(|folder| Self(Arc::new(folder))))
    }

    /// Pins a link under this name, in place of what is there.
    pub(crate) fn pin(&self, name: &str, link: BorrowedFd<'_>) -> io::Result<()> {
        let path = self.0.entry(name);
        match link::pin(link, &path) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                self.0.remove(name).map_err(io::Error::other)?;
                link::pin(link, &path)
            }
            pinned => pinned,
        }
    }

    /// Removes a pin.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, FolderError> {
        self.0.remove(name)
    }

    /// The names of all pins.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.entry(".")).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Opens a pin.
    pub(crate) fn get(&self, name: &str) -> io::Result<OwnedFd> {
        link::open(&self.0.entry(name))
    }

    /// Removes the folder, unless something is in it.
    pub(crate) fn remove_if_empty(&self) {
        self.0.remove_if_empty();
    }
}
