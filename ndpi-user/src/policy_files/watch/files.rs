//! Which of the watched files have changed, and whether somebody is still at them. Plain code: looks,
//! events and time come in as arguments.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ndpi_text::shown;

use super::folders::Event;
use crate::files::{Look, QUIET};
use crate::policy_files::Named;

/// How long a file that somebody has open for writing may be silent before it is taken as it is: some
/// keep a list open for ever, and add to it.
const WRITER_PATIENCE: Duration = Duration::from_mins(1);

/// When it is said that somebody is waited for.
const WRITER_NOTICE: Duration = Duration::from_secs(5);

/// The watched files.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<PathBuf, File>);

/// One of them.
#[derive(Debug)]
struct File {
    /// What events call it.
    names: Vec<PathBuf>,
    /// How it looked when that was last reported; `None` where there was no such file.
    told: Option<Look>,
    /// How it looked last, and since when.
    seen: Option<Look>,
    since: Instant,
    /// When somebody last wrote to it who has not closed it since.
    open: Option<Instant>,
    /// It was said that this one is waited for.
    noticed: bool,
}

/// How the files are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// One looks different from what was reported, and is left alone.
    pub(super) changed: bool,
    /// One looks different, and is to be looked at again before that is reported.
    pub(super) changing: bool,
}

impl Files {
    /// Watches these files, each with the names that events have for it. What differs from how they
    /// looked when they were read is a change.
    pub(super) fn set(&mut self, files: impl Iterator<Item = (Named, Vec<PathBuf>)>, now: Instant) {
        let mut known = std::mem::take(&mut self.0);
        let file = |(Named { path, look }, names)| {
            let file = match known.remove(&path) {
                Some(file) => File { names, told: look, ..file },
                None => File::new(names, look, now),
            };
            (path, file)
        };
        self.0 = files.map(file).collect();
    }

    /// Takes note of what happened.
    pub(super) fn note(&mut self, events: &[Event], now: Instant) {
        for event in events {
            let (name, open) = match event {
                Event::Written(name) => (Some(name), Some(now)),
                Event::Closed(name) => (Some(name), None),
                Event::Lost => (None, None),
            };
            for file in self.0.values_mut() {
                if name.is_none_or(|name| file.names.contains(name)) {
                    file.open = open;
                }
            }
        }
    }

    /// Looks at each file by `look`. Where something has changed and the rest is left alone too, that
    /// counts as reported; one that others change all the time keeps it back for a while only.
    pub(super) fn look(
        &mut self,
        now: Instant,
        look: impl Fn(&Path) -> io::Result<Option<Look>>,
    ) -> State {
        for (path, file) in &mut self.0 {
            // Where the file system does not answer, nothing is known to have changed.
            if let Ok(look) = look(path) {
                file.see(look, now);
            }
            file.give_notice(path, now);
        }
        let differing = || self.0.values().filter(|file| file.told != file.seen);
        let busy = differing().any(|file| file.is_busy(now));
        let late = |file: &File| now.duration_since(file.since) >= WRITER_PATIENCE;
        let changed = differing().any(|file| !file.is_busy(now) && (!busy || late(file)));
        if changed {
            for file in self.0.values_mut().filter(|file| !file.is_busy(now)) {
                file.told = file.seen;
            }
        }
        State { changed, changing: busy }
    }
}

impl File {
    fn new(names: Vec<PathBuf>, look: Option<Look>, now: Instant) -> Self {
        Self { names, told: look, seen: look, since: now, open: None, noticed: false }
    }

    fn see(&mut self, look: Option<Look>, now: Instant) {
        if look != self.seen {
            (self.seen, self.since) = (look, now);
        }
    }

    /// Whether it changed a moment ago, or somebody is at it who may go on.
    fn is_busy(&self, now: Instant) -> bool {
        now.duration_since(self.since) < QUIET || self.is_open(now)
    }

    fn is_open(&self, now: Instant) -> bool {
        self.open.is_some_and(|written| now.duration_since(written) < WRITER_PATIENCE)
    }

    /// Says, once a time, that somebody is waited for.
    fn give_notice(&mut self, path: &Path, now: Instant) {
        let waiting = self.told != self.seen && self.is_open(now);
        let due = waiting && now.duration_since(self.since) >= WRITER_NOTICE;
        if due && !self.noticed {
            log::warn!(
                "{} has changed, but somebody has it open for writing: it is read when they close \
                 it, or have not written for {} seconds; at once: ndpi-xdp policy reload",
                shown(path),
                WRITER_PATIENCE.as_secs()
            );
        }
        self.noticed = waiting && (due || self.noticed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGED: State = State { changed: true, changing: false };
    const CHANGING: State = State { changed: false, changing: true };

    /// Two looks of real files; nothing else makes one.
    fn looks() -> [Option<Look>; 2] {
        let look = |size: usize| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), vec![0; size]).unwrap();
            Look::at(file.path()).unwrap()
        };
        [look(1), look(2)]
    }

    /// Watched files without a look, as files are that do not exist.
    fn files(now: Instant) -> Files {
        let mut files = Files::default();
        let named = ["/nowhere/policy", "/nowhere/list"].map(PathBuf::from);
        files.set(
            named.map(|path| (Named { path: path.clone(), look: None }, vec![path])).into_iter(),
            now,
        );
        files
    }

    fn written(name: &str) -> [Event; 1] {
        [Event::Written(name.into())]
    }

    fn closed(name: &str) -> [Event; 1] {
        [Event::Closed(name.into())]
    }

    #[test]
    fn a_change_is_told_once_and_when_the_file_is_left_alone() {
        let (start, [one, two]) = (Instant::now(), looks());
        let mut files = files(start);
        assert_eq!(files.look(start, |_| Ok(None)), State::default());
        assert_eq!(files.look(start, |_| Ok(one)), CHANGING);
        assert_eq!(files.look(start + QUIET / 2, |_| Ok(two)), CHANGING);
        assert_eq!(files.look(start + QUIET, |_| Ok(two)), CHANGING, "it changed since");
        assert_eq!(files.look(start + 2 * QUIET, |_| Ok(two)), CHANGED);
        assert_eq!(files.look(start + 3 * QUIET, |_| Ok(two)), State::default());
    }

    #[test]
    fn a_file_that_somebody_has_open_for_writing_waits_until_it_is_closed() {
        let (start, [one, _]) = (Instant::now(), looks());
        let mut files = files(start);
        files.note(&written("/nowhere/policy"), start);
        files.note(&written("/nowhere/neighbour"), start);
        assert_eq!(files.look(start, |_| Ok(one)), CHANGING);
        let later = start + Duration::from_secs(20);
        assert_eq!(files.look(later, |_| Ok(one)), CHANGING);
        files.note(&closed("/nowhere/neighbour"), later);
        assert_eq!(files.look(later, |_| Ok(one)), CHANGING);
        files.note(&closed("/nowhere/policy"), later);
        assert_eq!(files.look(later, |_| Ok(one)), CHANGED);
    }

    #[test]
    fn who_never_closes_a_file_is_not_waited_for_for_ever() {
        let (start, [one, _]) = (Instant::now(), looks());
        let mut files = files(start);
        files.note(&written("/nowhere/policy"), start);
        assert_eq!(files.look(start, |_| Ok(one)), CHANGING);
        assert_eq!(files.look(start + WRITER_PATIENCE, |_| Ok(one)), CHANGED);
        // Where events were lost, one that closed it may have been among them.
        files.note(&written("/nowhere/policy"), start + WRITER_PATIENCE);
        files.note(&[Event::Lost], start + WRITER_PATIENCE);
        let later = start + WRITER_PATIENCE + QUIET;
        assert_eq!(files.look(later, |_| Ok(None)), CHANGING);
        assert_eq!(files.look(later + QUIET, |_| Ok(None)), CHANGED);
    }

    #[test]
    fn a_list_that_never_rests_keeps_a_policy_back_for_a_while_only() {
        let (start, [one, two]) = (Instant::now(), looks());
        let mut files = files(start);
        let mut list = [one, two].into_iter().cycle();
        let mut now = start;
        let mut look = |now| {
            let list = list.next().unwrap();
            files.look(now, |path| Ok(if path.ends_with("list") { list } else { one }))
        };
        while !look(now).changed {
            now += QUIET / 2;
            assert!(now < start + 2 * WRITER_PATIENCE);
        }
        assert!(now >= start + WRITER_PATIENCE);
    }

    #[test]
    fn a_file_system_that_does_not_answer_changes_nothing() {
        let start = Instant::now();
        let mut files = files(start);
        let unanswered = |_: &Path| Err(io::ErrorKind::TimedOut.into());
        assert_eq!(files.look(start + QUIET, unanswered), State::default());
    }

    #[test]
    fn a_change_since_a_file_was_read_is_not_lost() {
        let (start, [one, two]) = (Instant::now(), looks());
        let mut files = files(start);
        assert_eq!(files.look(start + QUIET, |_| Ok(one)), CHANGING);
        // It was read as it is, and so need not be reported.
        let path = PathBuf::from("/nowhere/policy");
        let read = |look| [(Named { path: path.clone(), look }, vec![path.clone()])].into_iter();
        files.set(read(one), start + QUIET);
        assert_eq!(files.look(start + 2 * QUIET, |_| Ok(one)), State::default());
        // It was read before it became what it is.
        files.set(read(two), start + 2 * QUIET);
        assert_eq!(files.look(start + 2 * QUIET, |_| Ok(one)), CHANGED);
    }
}
