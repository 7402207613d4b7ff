//! Where a policy and the lists that it names are read from.

use std::io;
use std::path::{Path, PathBuf};

/// Gives the bytes of files. The policy itself opens nothing: whoever reads files knows for how long it
/// may wait, and whether it should wait until a file is left alone.
pub trait Files {
    /// The file at `path`, of at most `longest` bytes.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is longer.
    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>>;
}

impl<F: Fn(&Path, u64) -> io::Result<Vec<u8>>> Files for F {
    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        self(path, longest)
    }
}

/// Gives the text of a list, by the path that a policy names it by.
pub type ReadList<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// The path of a list that the policy at `policy` names.
pub(crate) fn beside(policy: &Path, list: &Path) -> PathBuf {
    policy.parent().unwrap_or(Path::new("")).join(list)
}
