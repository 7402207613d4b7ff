//! Changes in folders, as the kernel reports them (inotify(7)).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// Folders that are watched, and a way to stop listening.
#[derive(Debug)]
pub(super) struct Folders {
    inotify: OwnedFd,
    stop: OwnedFd,
    /// The files are to be looked at whatever happens.
    look: OwnedFd,
    /// The paths of each folder, by the number of its watch.
    paths: Mutex<BTreeMap<i32, BTreeSet<PathBuf>>>,
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
            paths: Mutex::default(),
        })
    }

    /// Watches the folder that has this path now, and no longer one that had it before.
    pub(super) fn watch(&self, folder: &Path) -> io::Result<()> {
        let content = WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB;
        let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        let number =
            inotify::add_watch(&self.inotify, folder, content | names | WatchFlags::ONLYDIR)?;
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        for paths in paths.values_mut() {
            paths.remove(folder);
        }
        paths.entry(number).or_default().insert(folder.to_owned());
        Ok(())
    }

    /// The paths of all folders.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.values().flatten().cloned().collect()
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
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in paths.get(&event.wd()).into_iter().flatten() {
            if written {
                events.push(Event::Written(folder.join(name)));
            } else if kind.intersects(over) {
                events.push(Event::Closed(folder.join(name)));
            }
        }
    }
}
