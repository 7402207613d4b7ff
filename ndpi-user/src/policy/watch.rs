//! Noticing that a policy or one of its lists has changed.
//!
//! Watched are the folders, not the files: a file that is replaced by renaming another over it (as
//! editors and configuration management do) is another file. What counts is whether the files look
//! different afterwards; other files in the same folders, and files that were only read, do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use notify::{RecursiveMode, Watcher as _};

/// How long the folders must be quiet before a change is told: whoever writes a file in several
/// steps is given the time to finish.
const QUIET: Duration = Duration::from_millis(100);
/// How long a change is held back at most where a folder is never quiet.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something in the watched files has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed;

/// Watches files until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    folders: notify::RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    files: Arc<Mutex<Files>>,
}

/// A file cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {} for changes", path.display())]
pub struct WatchError {
    path: PathBuf,
    source: notify::Error,
}

impl Watcher {
    /// Watches `files`, which need not exist. Changes come out of the receiver, several at once as
    /// one; it disconnects when the watcher is dropped.
    ///
    /// # Errors
    /// The kernel refuses another watch, or a file's folder does not exist.
    pub fn new(files: &[PathBuf]) -> Result<(Self, Receiver<Changed>), WatchError> {
        let (raw, events) = unbounded();
        // A failed watch, such as an overflow of the kernel's queue, is reason to look as well.
        let folders = notify::recommended_watcher(move |_| _ = raw.send(()));
        let path = || files.first().cloned().unwrap_or_default();
        let folders = folders.map_err(|source| WatchError { path: path(), source })?;
        let looks = Arc::new(Mutex::new(Files::default()));
        let mut watcher = Self { folders, watched: BTreeSet::new(), files: Arc::clone(&looks) };
        watcher.set_files(files)?;
        // One change that nobody has fetched yet says all there is to say.
        let (changes, changed) = bounded(1);
        thread::spawn(move || tell_changes(&events, &looks, &changes));
        Ok((watcher, changed))
    }

    /// Watches these files from now on: a policy that was read again may name other lists. A change
    /// of a file that was watched before is told even if it came just before this call.
    ///
    /// # Errors
    /// As [`Watcher::new`].
    pub fn set_files(&mut self, files: &[PathBuf]) -> Result<(), WatchError> {
        for folder in files.iter().flat_map(|file| folders_of(file)) {
            if self.watched.insert(folder.clone()) {
                let watch = self.folders.watch(&folder, RecursiveMode::NonRecursive);
                watch.map_err(|source| WatchError { path: folder, source })?;
            }
        }
        self.files.lock().unwrap_or_else(PoisonError::into_inner).set(files);
        Ok(())
    }
}

/// The folders in which a change of `file` shows: its own, and for a link also its target's.
fn folders_of(file: &Path) -> Vec<PathBuf> {
    let folder = |path: &Path| match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let target = fs::canonicalize(file).ok();
    std::iter::once(folder(file)).chain(target.as_deref().map(folder)).collect()
}

/// Turns bursts of events into single changes, as far as the files look different.
fn tell_changes(events: &Receiver<()>, files: &Mutex<Files>, changes: &Sender<Changed>) {
    while events.recv().is_ok() {
        let start = Instant::now();
        while start.elapsed() < PATIENCE && events.recv_timeout(QUIET).is_ok() {}
        let different = files.lock().unwrap_or_else(PoisonError::into_inner).look_again();
        if different && changes.try_send(Changed).is_err_and(|error| error.is_disconnected()) {
            return;
        }
    }
}

/// Files and how each looked last; `None` where there is no such file.
#[derive(Debug, Default)]
struct Files(BTreeMap<PathBuf, Option<Look>>);

impl Files {
    fn set(&mut self, files: &[PathBuf]) {
        let known = std::mem::take(&mut self.0);
        let look = |file: &PathBuf| known.get(file).copied().unwrap_or_else(|| Look::at(file));
        self.0 = files.iter().map(|file| (file.clone(), look(file))).collect();
    }

    /// Whether some file looks different from last time.
    fn look_again(&mut self) -> bool {
        let mut different = false;
        for (file, look) in &mut self.0 {
            let now = Look::at(file);
            different |= now != *look;
            *look = now;
        }
        different
    }
}

/// What differs when a file was written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last change of contents or attributes.
    changed: (i64, i64),
}

impl Look {
    fn at(file: &Path) -> Option<Self> {
        let found = fs::metadata(file).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Long enough for the slowest machine; passing takes as long as the change does.
    const LONG: Duration = Duration::from_secs(20);

    fn watched(names: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>, Watcher, Receiver<Changed>) {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
        for file in &files {
            fs::write(file, "old").unwrap();
        }
        let (watcher, changed) = Watcher::new(&files).unwrap();
        (folder, files, watcher, changed)
    }

    #[test]
    fn a_write_is_noticed() {
        let (_folder, files, _watcher, changed) = watched(&["policy.toml"]);
        fs::write(&files[0], "new").unwrap();
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed));
    }

    #[test]
    fn a_rename_over_it_is_noticed_every_time() {
        let (folder, files, _watcher, changed) = watched(&["policy.toml"]);
        for round in 0..3 {
            let next = folder.path().join("next");
            fs::write(&next, "new").unwrap();
            fs::rename(&next, &files[0]).unwrap();
            assert_eq!(changed.recv_timeout(LONG), Ok(Changed), "round {round}");
        }
    }

    #[test]
    fn a_list_that_is_named_later_is_watched_too() {
        let (folder, mut files, mut watcher, changed) = watched(&["policy.toml"]);
        fs::create_dir(folder.path().join("lists")).unwrap();
        files.push(folder.path().join("lists/hosts"));
        watcher.set_files(&files).unwrap();
        fs::write(&files[1], "a.example").unwrap();
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed));
    }

    #[test]
    fn the_target_of_a_link_is_watched() {
        let (folder, files, mut watcher, changed) = watched(&["policy.toml"]);
        let links = tempfile::tempdir().unwrap();
        let link = links.path().join("policy.toml");
        symlink(&files[0], &link).unwrap();
        watcher.set_files(&[link]).unwrap();
        fs::write(folder.path().join("policy.toml"), "new").unwrap();
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed));
    }

    #[test]
    fn other_files_and_readers_are_no_change() {
        let (folder, files, watcher, changed) = watched(&["policy.toml"]);
        fs::write(folder.path().join("other"), "new").unwrap();
        fs::read(&files[0]).unwrap();
        // Whatever was told before the watcher is gone has arrived when the channel disconnects.
        thread::sleep(2 * QUIET);
        drop(watcher);
        assert!(changed.recv_timeout(LONG).is_err_and(|error| error.is_disconnected()));
    }

    #[test]
    fn a_change_before_the_files_are_set_again_is_not_lost() {
        let mut files = Files::default();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.toml");
        fs::write(&file, "old").unwrap();
        files.set(std::slice::from_ref(&file));
        fs::write(&file, "newer").unwrap();
        files.set(std::slice::from_ref(&file));
        assert!(files.look_again());
        assert!(!files.look_again());
    }

    #[test]
    fn a_folder_that_does_not_exist_is_told() {
        let error = Watcher::new(&["/nowhere/at/all/policy.toml".into()]).unwrap_err();
        assert_eq!(error.to_string(), "cannot watch /nowhere/at/all for changes");
    }
}
