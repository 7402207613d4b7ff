//! A policy whose text is at hand and is to be at a path: what it names is beside that.

use std::io;
use std::path::{Path, PathBuf};

use ndpi_policy::Files;

use super::read::{Named, PolicyFiles};

/// The files of such a policy.
#[derive(Debug)]
pub(crate) struct GivenPolicy<'a> {
    path: PathBuf,
    text: &'a str,
    others: PolicyFiles,
}

impl<'a> GivenPolicy<'a> {
    /// The policy with this text at `path`, and all else as `others` has it.
    pub(crate) fn new(path: &Path, text: &'a str, others: PolicyFiles) -> Self {
        Self { path: path.to_owned(), text, others }
    }

    /// What else was named.
    pub(crate) fn named(&self) -> Vec<Named> {
        self.others.named()
    }
}

impl Files for GivenPolicy<'_> {
    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        if path != self.path {
            return self.others.read(path, longest);
        }
        if self.text.len() as u64 > longest {
            let message = format!("it has more than {} MiB", longest >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(self.text.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_policy_is_what_was_given_and_its_lists_are_what_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let (policy, list) = (folder.path().join("policy.toml"), folder.path().join("list"));
        fs::write(&policy, "on disk").unwrap();
        fs::write(&list, "a list").unwrap();
        let given = GivenPolicy::new(&policy, "given", PolicyFiles::as_they_are());
        assert_eq!(given.read(&policy, 100).unwrap(), b"given");
        assert_eq!(given.read(&list, 100).unwrap(), b"a list");
        assert_eq!(given.read(&policy, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(given.named().into_iter().map(|it| it.path).collect::<Vec<_>>(), [list]);
    }
}
