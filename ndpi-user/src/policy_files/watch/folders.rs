//! Changes in folders, as the kernel reports them (inotify(7)).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use crate::locked::locked;

/// Folders that are watched, and a way to stop listening.
#[derive(Debug)]
pub(super) struct Folders {
    inotify: OwnedFd,
    stop: OwnedFd,
    /// The files are to be looked at whatever happens.
    look: OwnedFd,
    watched: Mutex<Watched>,
}

/// Which folders are watched.
#[derive(Debug, Default)]
struct Watched {
    /// Those that are to be.
    wanted: BTreeSet<PathBuf>,
    /// The paths of each that is, by the number of its watch.
    paths: BTreeMap<i32, BTreeSet<PathBuf>>,
}

/// What came of waiting.
#[derive(Debug)]
pub(super) enum Heard {
    /// Something happened, or the time is over, or a signal came.
    Events(Vec<Event>),
    /// Nobody wants to hear more.
    Stop,
}

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It was written to, or cut.
    Written(PathBuf),
    /// Whoever wrote it has closed it, or the name is another file's now, or nobody's.
    Closed(PathBuf),
    /// There were more events than the kernel keeps.
    Lost,
}

impl Folders {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            stop: eventfd(0, EventfdFlags::CLOEXEC)?,
            look: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            watched: Mutex::default(),
        })
    }

    /// Watches no other folders than these from now on, and returns those of them that are not watched yet.
    pub(super) fn want(&self, wanted: BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let mut watched = self.watched();
        for paths in watched.paths.values_mut() {
            paths.retain(|path| wanted.contains(path));
        }
        watched.wanted = wanted;
        self.forget_nameless(&mut watched);
        let is_watched = |path: &&PathBuf| watched.paths.values().any(|it| it.contains(*path));
        watched.wanted.iter().filter(|path| !is_watched(path)).cloned().collect()
    }

    /// Watches the folder that has this path now, and no longer one that had it before; none if it is not wanted
    /// any more.
    pub(super) fn watch(&self, folder: &Path) -> io::Result<()> {
        let content = WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB;
        let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        let number =
            inotify::add_watch(&self.inotify, folder, content | names | WatchFlags::ONLYDIR)?;
        let mut watched = self.watched();
        for paths in watched.paths.values_mut() {
            paths.remove(folder);
        }
        let is_wanted = watched.wanted.contains(folder);
        let paths = watched.paths.entry(number).or_default();
        paths.extend(is_wanted.then(|| folder.to_owned()));
        self.forget_nameless(&mut watched);
        Ok(())
    }

    /// The folders that are to be watched.
    pub(super) fn wanted(&self) -> Vec<PathBuf> {
        self.watched().wanted.iter().cloned().collect()
    }

    /// Ends the watches of folders without a path.
    fn forget_nameless(&self, watched: &mut Watched) {
        watched.paths.retain(|&number, paths| {
            if paths.is_empty() {
                // Of a folder that is gone, the kernel has ended it.
                let _ = inotify::remove_watch(&self.inotify, number);
            }
            !paths.is_empty()
        });
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        locked(&self.watched)
    }

    pub(super) fn stop(&self) {
        // Only a counter at its limit would refuse, and then it has been reported.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
    }

    /// Lets the current or else the next wait return at once.
    pub(super) fn look(&self) {
        // As in `stop`.
        let _ = rustix::io::write(&self.look, &1_u64.to_ne_bytes());
    }

    /// Waits for so long until something happens in the folders, and takes note of it.
    pub(super) fn wait(&self, longest: Duration) -> Heard {
        let timeout = Timespec::try_from(longest).ok();
        let fds = [&self.inotify, &self.stop, &self.look];
        let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::IN));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Heard::Stop,
        }
        if !fds[1].revents().is_empty() {
            return Heard::Stop;
        }
        // Nothing is in it where that was not why.
        let _ = rustix::io::read(&self.look, &mut [0; 8]);
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut events = Vec::new();
        // Until nothing is left, which is an error (`EAGAIN`).
        while let Ok(event) = reader.next() {
            self.take(&event, &mut events);
        }
        Heard::Events(events)
    }

    fn take(&self, event: &inotify::Event<'_>, events: &mut Vec<Event>) {
        let kind = event.events();
        if kind.contains(ReadFlags::QUEUE_OVERFLOW) {
            events.push(Event::Lost);
        }
        let Some(name) = event.file_name() else { return };
        let name = OsStr::from_bytes(name.to_bytes());
        let written = kind.contains(ReadFlags::MODIFY);
        let over = ReadFlags::CLOSE_WRITE
            | ReadFlags::DELETE
            | ReadFlags::MOVED_FROM
            | ReadFlags::MOVED_TO;
        let watched = self.watched();
        for folder in watched.paths.get(&event.wd()).into_iter().flatten() {
            if written {
                events.push(Event::Written(folder.join(name)));
            } else if kind.intersects(over) {
                events.push(Event::Closed(folder.join(name)));
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    /// Whether the kernel watches the folder that has this path now, and how many it watches.
    pub(in super::super) fn kernel_watches(folders: &Folders, folder: &Path) -> (bool, usize) {
        let info = format!("/proc/self/fdinfo/{}", folders.inotify.as_raw_fd());
        let info = fs::read_to_string(info).unwrap();
        let inode = format!("ino:{:x}", fs::metadata(folder).unwrap().ino());
        let watches: Vec<_> = info.lines().filter(|line| line.starts_with("inotify ")).collect();
        let is_watched = watches.iter().any(|line| line.split(' ').any(|word| word == inode));
        (is_watched, watches.len())
    }

    #[test]
    fn folders_that_are_not_wanted_any_more_are_not_watched() {
        let [one, two] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let folders = Folders::new().unwrap();
        let both = [one.path(), two.path()].map(Path::to_owned);
        assert_eq!(folders.want(both.clone().into()).len(), 2);
        for folder in &both {
            folders.watch(folder).unwrap();
        }
        assert_eq!(kernel_watches(&folders, one.path()), (true, 2));
        assert_eq!(folders.want([two.path().to_owned()].into()), Vec::<PathBuf>::new());
        assert_eq!(kernel_watches(&folders, one.path()), (false, 1));
        // As by somebody who has not noticed.
        folders.watch(one.path()).unwrap();
        assert_eq!(kernel_watches(&folders, one.path()), (false, 1));
        assert_eq!(folders.wanted(), [two.path()]);
    }

    #[test]
    fn a_folder_that_was_replaced_is_not_watched_any_more() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, gone) = (parent.path().join("conf"), parent.path().join("gone"));
        fs::create_dir(&folder).unwrap();
        let folders = Folders::new().unwrap();
        folders.want([folder.clone()].into());
        folders.watch(&folder).unwrap();
        fs::rename(&folder, &gone).unwrap();
        fs::create_dir(&folder).unwrap();
        folders.watch(&folder).unwrap();
        assert_eq!(kernel_watches(&folders, &folder), (true, 1));
    }
}
