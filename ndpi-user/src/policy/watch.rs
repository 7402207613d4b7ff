//! Noticing that a policy or one of its lists has changed.
//!
//! Watched are the folders, not the files: a file that is replaced by renaming another over it (as
//! editors and configuration management do) is another file. What counts is whether the files look
//! different afterwards; other files in the same folders, and files that were only read, do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

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
    folders: Arc<Folders>,
    watched: BTreeSet<PathBuf>,
    files: Arc<Mutex<Files>>,
}

/// Files cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The kernel has no inotify instance left.
    #[error("cannot watch files for changes (fs.inotify.max_user_instances says how many may)")]
    Instance(#[source] io::Error),
    /// A folder cannot be watched.
    #[error("cannot watch {} for changes", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Watcher {
    /// Watches `files`, which need not exist. Changes come out of the receiver, several at once as
    /// one; it disconnects when the watcher is dropped.
    ///
    /// # Errors
    /// The kernel refuses another watch, or a file's folder does not exist.
    pub fn new(files: &[PathBuf]) -> Result<(Self, Receiver<Changed>), WatchError> {
        let folders = Arc::new(Folders::new().map_err(WatchError::Instance)?);
        let looks = Arc::new(Mutex::new(Files::default()));
        let mut watcher = Self {
            folders: Arc::clone(&folders),
            watched: BTreeSet::new(),
            files: Arc::clone(&looks),
        };
        watcher.set_files(files)?;
        // One change that nobody has fetched yet says all there is to say.
        let (changes, changed) = bounded(1);
        thread::spawn(move || tell_changes(&folders, &looks, &changes));
        Ok((watcher, changed))
    }

    /// Watches these files from now on: a policy that was read again may name other lists. A change
    /// of a file that was watched before is told even if it came just before this call.
    ///
    /// # Errors
    /// As [`Watcher::new`].
    pub fn set_files(&mut self, files: &[PathBuf]) -> Result<(), WatchError> {
        for path in files.iter().flat_map(|file| folders_of(file)) {
            if !self.watched.contains(&path) {
                let watch = self.folders.watch(&path);
                watch.map_err(|source| WatchError::Folder { path: path.clone(), source })?;
                self.watched.insert(path);
            }
        }
        self.files.lock().unwrap_or_else(PoisonError::into_inner).set(files);
        Ok(())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.folders.stop();
    }
}

/// What the kernel tells of folders, and a way to stop listening.
#[derive(Debug)]
struct Folders {
    inotify: OwnedFd,
    stop: OwnedFd,
}

impl Folders {
    fn new() -> io::Result<Self> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            stop: eventfd(0, EventfdFlags::CLOEXEC)?,
        })
    }

    fn watch(&self, folder: &Path) -> io::Result<()> {
        let content = WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB;
        let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        inotify::add_watch(&self.inotify, folder, content | names | WatchFlags::ONLYDIR)?;
        Ok(())
    }

    fn stop(&self) {
        // Only a counter at its limit would refuse, and then it has been told.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
    }

    /// Waits until something happens in the folders, and takes note of it.
    fn wait(&self, timeout: Option<Duration>) -> Heard {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = [&self.inotify, &self.stop].map(|fd| PollFd::new(fd, PollFlags::IN));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Heard::Nothing,
            // A signal: as if something had happened.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Heard::Stop,
        }
        if !fds[1].revents().is_empty() {
            return Heard::Stop;
        }
        // What happened does not matter: the files are looked at.
        let mut events = [0; 4096];
        while rustix::io::read(&self.inotify, &mut events).is_ok_and(|length| length > 0) {}
        Heard::Something
    }
}

#[derive(PartialEq, Eq)]
enum Heard {
    Something,
    Nothing,
    Stop,
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
fn tell_changes(folders: &Folders, files: &Mutex<Files>, changes: &Sender<Changed>) {
    while folders.wait(None) != Heard::Stop {
        let start = Instant::now();
        while start.elapsed() < PATIENCE && folders.wait(Some(QUIET)) == Heard::Something {}
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
