//! Noticing that a policy or one of its lists has changed.
//!
//! Watched are the folders, not the files: a file that is replaced by renaming another over it (as
//! editors and configuration management do) is another file. What counts is whether the files look
//! different afterwards; other files in the same folders, and files that were only read, do not. A folder that is
//! replaced itself says nothing, nor do changes that another host makes on a network file system: every few
//! seconds the files are looked at without an event.

mod files;
mod folders;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};
use files::{Files, State};
use folders::{Folders, Heard};
use ndpi_text::shown;

use crate::files::{Look, QUIET, within};
use crate::locked::locked;
use crate::policy_files::read::Named;

/// Pause after each look at the files, so that a busy neighbour of theirs costs next to nothing.
const PAUSE: Duration = Duration::from_millis(20);

/// How often the files are looked at without an event.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// How long a file system may take to say where a folder is.
const FOLDER_WAIT: Duration = Duration::from_secs(2);

/// Something in the watched files has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed;

/// Watches files until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    folders: Arc<Folders>,
    files: Arc<Mutex<Files>>,
}

/// Files cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The kernel has no inotify instance left.
    #[error("cannot watch files for changes (fs.inotify.max_user_instances says how many may)")]
    Instance(#[source] io::Error),
    /// A folder cannot be watched.
    #[error("cannot watch {} for changes", shown(path))]
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
    pub fn new(files: &[Named]) -> Result<(Self, Receiver<Changed>), WatchError> {
        let folders = Arc::new(Folders::new().map_err(WatchError::Instance)?);
        let looks = Arc::new(Mutex::new(Files::default()));
        let mut watcher = Self { folders: Arc::clone(&folders), files: Arc::clone(&looks) };
        watcher.set_files(files)?;
        // One change that nobody has fetched yet says all there is to say.
        let (changes, changed) = bounded(1);
        thread::spawn(move || tell_changes(&folders, &looks, &changes));
        Ok((watcher, changed))
    }

    /// Watches these files from now on: a policy that was read again may name other lists. A change
    /// since they were read is reported even if it came before this call.
    ///
    /// # Errors
    /// As [`Watcher::new`]; the files whose folders can be watched are.
    pub fn set_files(&mut self, files: &[Named]) -> Result<(), WatchError> {
        let mut failed = None;
        let names: Vec<_> = files.iter().map(|file| names_of(&file.path)).collect();
        let folders: BTreeSet<_> = names.iter().flatten().map(|name| folder_of(name)).collect();
        for folder in self.folders.want(folders) {
            if let Err(source) = watch(&self.folders, &folder) {
                failed = Some(WatchError::Folder { path: folder, source });
            }
        }
        let files = files.iter().cloned().zip(names);
        locked(&self.files).set(files, Instant::now());
        self.folders.look();
        failed.map_or(Ok(()), Err)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.folders.stop();
    }
}

/// Watches each folder again: the path may be another folder's by now. One that is gone may come back.
fn renew(folders: &Arc<Folders>) {
    for folder in folders.wanted() {
        let _ = watch(folders, &folder);
    }
}

fn watch(folders: &Arc<Folders>, folder: &Path) -> io::Result<()> {
    let (folders, path) = (Arc::clone(folders), folder.to_owned());
    within(folder, FOLDER_WAIT, move || folders.watch(&path))?
}

/// The names under which changes of `file` show: its own, and for a link also its target's.
fn names_of(file: &Path) -> Vec<PathBuf> {
    let name = |path: &Path| folder_of(path).join(path.file_name().unwrap_or_default());
    let link = file.to_owned();
    let target = within(file, FOLDER_WAIT, move || fs::canonicalize(link).ok());
    let target = target.ok().flatten();
    std::iter::once(name(file)).chain(target.as_deref().map(name)).collect()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Tells of files that look different and are left alone by now.
fn tell_changes(folders: &Arc<Folders>, files: &Mutex<Files>, changes: &Sender<Changed>) {
    let (mut state, mut renewed) = (State::default(), Instant::now());
    loop {
        let events = match folders.wait(if state.changing { QUIET } else { LOOK_EVERY }) {
            Heard::Events(events) => events,
            Heard::Stop => return,
        };
        // By the clock: some folders are never quiet.
        if renewed.elapsed() >= LOOK_EVERY {
            renew(folders);
            renewed = Instant::now();
        }
        let mut files = locked(files);
        let now = Instant::now();
        files.note(&events, now);
        state = files.look(now, Look::at);
        drop(files);
        if state.changed && changes.try_send(Changed).is_err_and(|error| error.is_disconnected()) {
            return;
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::folders::tests::kernel_watches;
    use super::*;

    /// Long enough for the slowest machine; passing takes as long as the change does.
    const LONG: Duration = Duration::from_secs(20);

    /// The files as they look now.
    fn named(files: &[PathBuf]) -> Vec<Named> {
        let named = |path: &PathBuf| Named { path: path.clone(), look: Look::at(path).unwrap() };
        files.iter().map(named).collect()
    }

    fn watched(names: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>, Watcher, Receiver<Changed>) {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = names.iter().map(|name| folder.path().join(name)).collect();
        for file in &files {
            fs::write(file, "old").unwrap();
        }
        let (watcher, changed) = Watcher::new(&named(&files)).unwrap();
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
        watcher.set_files(&named(&files)).unwrap();
        fs::write(&files[1], "a.example").unwrap();
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed));
    }

    #[test]
    fn the_target_of_a_link_is_watched() {
        let (folder, files, mut watcher, changed) = watched(&["policy.toml"]);
        let links = tempfile::tempdir().unwrap();
        let link = links.path().join("policy.toml");
        symlink(&files[0], &link).unwrap();
        watcher.set_files(&named(&[link])).unwrap();
        fs::write(folder.path().join("policy.toml"), "new").unwrap();
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed));
    }

    #[test]
    fn a_folder_that_is_replaced_or_comes_back_is_watched_again() {
        let (folder, _, mut watcher, changed) = watched(&["other"]);
        let (conf, gone) = (folder.path().join("conf"), folder.path().join("gone"));
        let policy = conf.join("policy.toml");
        let make = |content| {
            fs::create_dir(&conf).unwrap();
            fs::write(&policy, content).unwrap();
        };
        make("old");
        watcher.set_files(&named(std::slice::from_ref(&policy))).unwrap();
        fs::rename(&conf, &gone).unwrap();
        make("new");
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed), "another in its place");
        fs::remove_dir_all(&conf).unwrap();
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed), "none");
        make("newer");
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed), "one again");
        // Noticed at once: it is this one that is watched.
        thread::sleep(LOOK_EVERY + QUIET);
        let before = Instant::now();
        fs::write(&policy, "newest").unwrap();
        assert_eq!(changed.recv_timeout(LONG), Ok(Changed));
        assert!(before.elapsed() < LOOK_EVERY, "{:?}", before.elapsed());
    }

    #[test]
    fn other_files_and_readers_are_no_change() {
        let (folder, files, watcher, changed) = watched(&["policy.toml"]);
        fs::write(folder.path().join("other"), "new").unwrap();
        fs::read(&files[0]).unwrap();
        // Whatever was reported before the watcher is gone has arrived when the channel disconnects.
        thread::sleep(2 * QUIET);
        drop(watcher);
        assert!(changed.recv_timeout(LONG).is_err_and(|error| error.is_disconnected()));
    }

    #[test]
    fn a_file_that_is_half_written_waits_for_its_writer_whatever_its_neighbours_do() {
        let (folder, files, watcher, changed) = watched(&["policy.toml"]);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    fs::write(folder.path().join("other"), "x").unwrap();
                }
            });
            let mut file = fs::File::create(&files[0]).unwrap();
            assert!(changed.recv_timeout(5 * QUIET).is_err(), "it is empty, and open");
            file.write_all(b"half").unwrap();
            assert!(changed.recv_timeout(5 * QUIET).is_err(), "it is half written, and open");
            drop(file);
            assert_eq!(changed.recv_timeout(LONG), Ok(Changed));
            over.store(true, Ordering::Relaxed);
        });
        drop(watcher);
    }

    #[test]
    fn a_folder_that_is_replaced_is_watched_again_whatever_goes_on_in_others() {
        let (noisy, mut files, mut watcher, changed) = watched(&["list"]);
        let parent = tempfile::tempdir().unwrap();
        let (conf, gone) = (parent.path().join("conf"), parent.path().join("gone"));
        fs::create_dir(&conf).unwrap();
        files.push(conf.join("policy.toml"));
        watcher.set_files(&named(&files)).unwrap();
        let over = AtomicBool::new(false);
        let watched = thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    fs::write(noisy.path().join("other"), "x").unwrap();
                }
            });
            fs::rename(&conf, &gone).unwrap();
            fs::create_dir(&conf).unwrap();
            let began = Instant::now();
            let is_watched = || kernel_watches(&watcher.folders, &conf).0;
            while !is_watched() && began.elapsed() < LONG {
                thread::sleep(PAUSE);
            }
            over.store(true, Ordering::Relaxed);
            is_watched()
        });
        assert!(watched, "the folder in its place is not watched");
        drop((watcher, changed));
    }

    #[test]
    fn a_folder_that_is_made_later_is_watched() {
        let (folder, mut files, mut watcher, _changed) = watched(&["policy.toml"]);
        let lists = folder.path().join("lists");
        files.push(lists.join("hosts"));
        watcher.set_files(&named(&files)).unwrap_err();
        fs::create_dir(&lists).unwrap();
        let began = Instant::now();
        while !kernel_watches(&watcher.folders, &lists).0 {
            assert!(began.elapsed() < LONG, "it is not watched");
            thread::sleep(PAUSE);
        }
    }

    #[test]
    fn a_folder_that_does_not_exist_is_told() {
        let error = Watcher::new(&named(&["/nowhere/at/all/policy.toml".into()])).unwrap_err();
        assert_eq!(error.to_string(), "cannot watch /nowhere/at/all for changes");
    }
}
