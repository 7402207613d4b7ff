//! Reading a policy and its lists, and noting how each file looked.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};

use ndpi_policy::Files;

use crate::files::{Look, read_bytes, read_settled};

/// A file that a policy is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The file.
    pub path: PathBuf,
    /// How it looked before it was read; `None` where there was none.
    pub look: Option<Look>,
}

/// The files of one policy, as it names them.
#[derive(Debug)]
pub struct PolicyFiles {
    read: fn(&Path, u64) -> io::Result<Vec<u8>>,
    named: RefCell<Vec<Named>>,
    bytes: Cell<usize>,
}

impl PolicyFiles {
    /// Reads files as they are.
    pub fn as_they_are() -> Self {
        Self { read: read_bytes, named: RefCell::default(), bytes: Cell::default() }
    }

    /// Reads files when they have been left alone for a moment: whoever writes one may be at it.
    pub fn left_alone() -> Self {
        Self { read: read_settled, ..Self::as_they_are() }
    }

    /// How many bytes were read so far.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Every file that was named so far, the policy first, whether it could be read or not.
    pub fn named(&self) -> Vec<Named> {
        self.named.borrow().clone()
    }
}

impl Files for PolicyFiles {
    /// Notes how a file looks before it is read: whatever comes later looks different.
    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        let look = Look::at(path).ok().flatten();
        self.named.borrow_mut().push(Named { path: path.to_owned(), look });
        let bytes = (self.read)(path, longest)?;
        self.bytes.update(|all| all + bytes.len());
        Ok(bytes)
    }
}
