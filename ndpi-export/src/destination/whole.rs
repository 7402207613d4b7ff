//! Files that are of use when they are whole, and not before: each is written under another name, and has its own
//! when nothing is missing.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ndpi_text::shown;

use super::interface::{Next, Target, Unit};
use super::rotated::Keeper;

/// Takes a file as a record. Those of `flows.parquet` are `flows-TIME.parquet`.
pub(crate) struct WholeFiles {
    path: PathBuf,
    keeper: Keeper,
}

impl WholeFiles {
    /// So many are kept; all where none is said.
    pub(crate) fn new(path: PathBuf, keep: Option<usize>) -> Self {
        let keeper = Keeper::start(path.clone(), keep, false);
        Self { path, keeper }
    }

    fn write_file(&self, bytes: &[u8]) -> io::Result<()> {
        let begun = begun(&self.path);
        let written = write_whole(&begun, bytes)
            .and_then(|()| fs::rename(&begun, self.keeper.next_name(SystemTime::now())));
        if written.is_err() {
            // What is there of it takes room from others.
            let _ = fs::remove_file(&begun);
        }
        written
    }
}

/// Whether files can be made there.
///
/// # Errors
///
/// They cannot be now.
pub(crate) fn check_whole(path: &Path) -> io::Result<()> {
    let begun = begun(path);
    create(&begun)?;
    fs::remove_file(begun)
}

/// What a file is called until it is whole.
fn begun(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".begun");
    name.into()
}

/// What an earlier process did not come to finish makes room: nobody can read it.
fn create(path: &Path) -> io::Result<File> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

impl Target for WholeFiles {
    fn name(&self) -> String {
        shown(&self.path).to_string()
    }

    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn write(&mut self, bytes: &[u8], _records: usize) -> io::Result<usize> {
        self.write_file(bytes)?;
        self.keeper.tidy();
        Ok(bytes.len())
    }

    fn after(&mut self, _error: &io::Error) -> Next {
        Next::Record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole_and_the_oldest_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.parquet");
        fs::write(begun(&path), "what a process that was killed has left").unwrap();
        let mut target = WholeFiles::new(path.clone(), Some(2));
        for bytes in [b"one", b"two", b"six"] {
            assert_eq!(target.write(bytes, 1).unwrap(), 3);
        }
        // Its thread ends with it.
        drop(target);
        let names = names(folder.path());
        assert_eq!(names.len(), 2, "{names:?}");
        let texts: Vec<_> =
            names.iter().map(|it| fs::read_to_string(folder.path().join(it)).unwrap()).collect();
        assert_eq!(texts, ["two", "six"]);
        assert!(names.iter().all(|it| it.starts_with("flows-2") && it.ends_with("Z.parquet")));
    }

    #[test]
    fn nothing_is_left_of_one_that_could_not_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/flows.parquet");
        assert_eq!(check_whole(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        let mut target = WholeFiles::new(path.clone(), None);
        assert!(target.write(b"one", 1).is_err());
        fs::create_dir(folder.path().join("missing")).unwrap();
        check_whole(&path).unwrap();
        assert_eq!(target.write(b"one", 1).unwrap(), 3, "the same once more");
        assert_eq!(names(&folder.path().join("missing")).len(), 1);
        // Its own name is taken: what was begun is no more.
        fs::create_dir(begun(&path)).unwrap();
        assert!(check_whole(&path).is_err() && target.write(b"two", 1).is_err());
    }
}
