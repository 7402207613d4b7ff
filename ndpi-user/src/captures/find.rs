//! Which captures a command reads: files as they are given, and those in folders.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ndpi_capture::Capture;
use ndpi_text::shown;

use super::Folders;

/// What stands in the name of a file that should be a capture, as `a.pcap.gz` and `b.snoop`.
const OF_CAPTURES: [&str; 10] =
    ["pcap", "pcapng", "cap", "dmp", "dump", "ntar", "snoop", "erf", "trc", "trace"];

/// The captures that were found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Their paths, in the order in which they are read.
    pub(crate) captures: Vec<PathBuf>,
    /// What went wrong with folders, a line each.
    pub(crate) problems: Vec<String>,
    /// The folders that were given.
    pub(crate) folders: Folders,
    /// Files in folders that are no captures.
    passed_over: u64,
}

/// Finds the captures that `given` names. Of a folder these are all files in it and below that are
/// captures, or are called so, in the order of their names; hidden folders are passed over. Links are
/// followed; a folder is read once, and nothing in it that is no file is opened.
pub(crate) fn find(given: &[PathBuf]) -> Found {
    let mut walk = Walk::default();
    for path in given {
        match fs::metadata(path) {
            Ok(about) if about.is_dir() && path != Path::new("-") => walk.given(path, &about),
            _ => walk.found.captures.push(path.clone()),
        }
    }
    if walk.found.passed_over > 0 {
        log::info!("{}", passed_over(walk.found.passed_over));
    }
    walk.found
}

fn passed_over(files: u64) -> String {
    match files {
        1 => "1 file in folders is no capture: passed over".into(),
        files => format!("{files} files in folders are no captures: passed over"),
    }
}

#[derive(Default)]
struct Walk {
    found: Found,
    /// Folders that were read, by device and inode.
    read: HashSet<(u64, u64)>,
}

impl Walk {
    /// Reads a folder that was asked for.
    fn given(&mut self, folder: &Path, about: &Metadata) {
        self.found.folders.add(folder);
        let before = (self.found.captures.len(), self.found.problems.len());
        self.folder(folder, about);
        if before == (self.found.captures.len(), self.found.problems.len()) {
            self.found.problems.push(format!("there are no captures in {}", shown(folder)));
        }
    }

    fn folder(&mut self, folder: &Path, about: &Metadata) {
        if !self.read.insert((about.dev(), about.ino())) {
            return;
        }
        let entries = match names(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let problem = format!("cannot read the folder {}: {error}", shown(folder));
                return self.found.problems.push(problem);
            }
        };
        for path in entries {
            match fs::metadata(&path) {
                Ok(about) if about.is_dir() && is_hidden(&path) => {
                    log::debug!("{}: a hidden folder, passed over", shown(&path));
                }
                Ok(about) if about.is_dir() => self.folder(&path, &about),
                Ok(about) if about.is_file() => self.file(path),
                Ok(_) if is_called_a_capture(&path) => log::warn!(
                    "{}: not a file, passed over; a pipe is read where it is given by its name",
                    shown(&path)
                ),
                Ok(_) => log::debug!("{}: not a file, passed over", shown(&path)),
                Err(error) => log::debug!("{}: {error}, passed over", shown(&path)),
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        if is_called_a_capture(&path) || is_capture(&path) {
            self.found.captures.push(path);
        } else {
            self.found.passed_over += 1;
            log::debug!("{}: not a capture, passed over", shown(&path));
        }
    }
}

/// The paths of what is in a folder, in order.
fn names(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries: Result<Vec<_>, _> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut entries = entries?;
    entries.sort();
    Ok(entries)
}

/// As `.git`, which may have captures' names in it.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."))
}

fn is_called_a_capture(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let endings = name.split('.').skip(1);
    endings.map(str::to_ascii_lowercase).any(|ending| OF_CAPTURES.contains(&ending.as_str()))
}

/// Whether it begins as a capture. What cannot be read is for the reading to report.
fn is_capture(path: &Path) -> bool {
    match Capture::open(path) {
        Ok(_) => true,
        Err(error) => error.is_of_opening(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use super::find;

    /// A pcap file without packets.
    const EMPTY: [u8; 24] =
        [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];

    fn below(folder: &Path, found: &[PathBuf]) -> Vec<String> {
        let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
        found.iter().map(name).collect()
    }

    #[test]
    fn a_folder_is_walked_in_order_and_no_link_leads_round_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/deep")).unwrap();
        for name in ["c.pcap", "a", "b/z.cap", "b/deep/y"] {
            fs::write(at(name), EMPTY).unwrap();
        }
        fs::write(at("README.txt"), "of no use").unwrap();
        fs::create_dir(at(".hidden")).unwrap();
        fs::write(at(".hidden/e.pcap"), EMPTY).unwrap();
        fs::write(at("nothing"), "").unwrap();
        fs::write(at("d.pcap.lz4"), b"\x04\x22\x4d\x18").unwrap();
        symlink(folder.path(), at("b/round")).unwrap();
        symlink(at("nowhere"), at("gone.pcap")).unwrap();
        symlink(at("a"), at("linked")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(at("fifo.pcap")).status().unwrap();
        assert!(fifo.success());
        let found = find(&[folder.path().to_owned()]);
        let names = below(folder.path(), &found.captures);
        assert_eq!(names, ["a", "b/deep/y", "b/z.cap", "c.pcap", "d.pcap.lz4", "linked"]);
        assert!(found.problems.is_empty() && found.passed_over == 2, "{found:?}");
    }

    #[test]
    fn what_is_given_stays_in_its_order_and_an_empty_folder_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let given = ["-", "/nowhere/b", "/nowhere/a"].map(PathBuf::from);
        assert_eq!(find(&given).captures, given);
        let found = find(&[folder.path().to_owned()]);
        assert!(found.captures.is_empty());
        assert!(found.problems[0].contains("no captures in"), "{found:?}");
    }
}
