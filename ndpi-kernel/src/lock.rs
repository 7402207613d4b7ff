//! One instance per pin directory: a locked file under `/run`, named by the directory's device and
//! inode, which the kernel unlocks when its holder is gone, however it went. It names the holder, the
//! directory and the holder's programs, a line each. A holder that is gone leaves it behind, as long as its
//! programs may be on interfaces. Beside it is the socket at which the holder takes commands.

mod user;

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::folder::{Folder, FolderError, On, Owner};
use super::sys::link;
pub use user::ProgramUser;
pub(crate) use user::user_of;

/// Where the lock files are.
const DIRECTORY: &str = "/run/ndpi-xdp";

/// The pin directory could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another instance has it.
    #[error(
        "{} is in use by a running ndpi-xdp{}; stop that one first, or give this one a --name of \
         its own", .pins.display(), .pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
    )]
    Held {
        /// The pin directory.
        pins: PathBuf,
        /// The holder.
        pid: Option<u32>,
    },
    /// The folder for lock files cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The lock file could not be made.
    #[error("cannot make the lock file {}", .path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something that no instance has made is in its place.
    #[error("{} is not a lock file that ndpi-xdp has made; remove it", .0.display())]
    Foreign(PathBuf),
    /// The folder for lock files is another user's.
    #[error(
        "{DIRECTORY}, where instances lock their pin directories, belongs to user {owner}, as does \
         the one that made it; stop that one, or run this one as the same user"
    )]
    Directory {
        /// Whose it is.
        owner: u32,
    },
}

/// The right to use a pin directory, until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// Holds the lock as long as it is open.
    file: File,
    directory: Folder,
    /// What the lock and the socket are called, but for their ends.
    name: String,
    /// The pin directory's path.
    pins: String,
    /// The programs in the file.
    noted: Vec<u32>,
    /// The holder before this one, and its programs, until this one has taken its place.
    earlier: Option<(Option<u32>, Vec<u32>)>,
    /// The file is to be there when the holder is gone.
    stays: bool,
}

impl Lock {
    /// Takes `pins`.
    pub(super) fn take(pins: &Folder) -> Result<Self, LockError> {
        Self::take_in(Path::new(DIRECTORY), pins, may_be_loaded)
    }

    fn take_in(
        directory: &Path,
        pins: &Folder,
        may_be_loaded: impl Fn(u32) -> bool,
    ) -> Result<Self, LockError> {
        let mut directory = Folder::make(directory, Mode::from_raw_mode(0o755), On::Anything)?;
        directory.keep();
        let owner = directory.owner();
        if ![0, rustix::process::geteuid().as_raw(), pins.owner()].contains(&owner) {
            return Err(LockError::Directory { owner });
        }
        let name = pins.id();
        let path = directory.path().join(lock_of(&name));
        let failed = |source| LockError::File { path: path.clone(), source };
        let mut file = loop {
            let Some(mut file) = open_lock(&directory, &lock_of(&name)).map_err(failed)? else {
                return Err(LockError::Foreign(path));
            };
            match file.try_lock() {
                // Its last holder may have removed it after it was opened here.
                Ok(()) if is_linked(&file) => break file,
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let pid = holder(&mut file);
                    return Err(LockError::Held { pins: pins.path().to_owned(), pid });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        };
        let left: Vec<u32> =
            programs(&mut file).into_iter().filter(|id| may_be_loaded(*id)).collect();
        // Those that were noted last are the likelier to be there.
        let left = left[left.len().saturating_sub(EARLIER)..].to_vec();
        let (earlier, pins) = ((holder(&mut file), left.clone()), path_in_text(pins));
        // Until they are replaced, they are this holder's.
        let (earlier, stays) = (Some(earlier), false);
        let mut lock = Self { file, directory, name, pins, noted: left, earlier, stays };
        lock.write(Some(std::process::id()))?;
        Ok(lock)
    }

    /// Has the file as the holder before this one has left it.
    pub(super) fn give_back(&mut self) -> Result<(), LockError> {
        let Some((holder, programs)) = self.earlier.take() else { return Ok(()) };
        self.noted = programs;
        self.write(holder)
    }

    /// Forgets the programs of the holder before this one, which are on no interface any more.
    pub(super) fn forget_earlier(&mut self) -> Result<(), LockError> {
        let Some((_, programs)) = self.earlier.take() else { return Ok(()) };
        self.noted.retain(|id| !programs.contains(id));
        self.write(Some(std::process::id()))
    }

    /// Writes the whole file, at once: somebody may read it, and this may be killed.
    fn write(&mut self, holder: Option<u32>) -> Result<(), LockError> {
        let holder = holder.map(|pid| pid.to_string()).unwrap_or_default();
        let programs = self.noted.iter().map(ToString::to_string);
        let lines: Vec<_> = [holder, self.pins.clone()].into_iter().chain(programs).collect();
        let text = lines.join("\n") + "\n";
        let length = text.len() as u64;
        let written = self.file.rewind().and_then(|()| self.file.write_all(text.as_bytes()));
        let path = self.directory.path().join(lock_of(&self.name));
        let failed = |source| LockError::File { path, source };
        written.and_then(|()| self.file.set_len(length)).map_err(failed)
    }

    /// Leaves the file behind when this is dropped, as the holder's programs stay where they are, or not.
    pub(super) fn set_stays(&mut self, stays: bool) {
        self.stays = stays;
    }

    /// The programs of all other instances: of those that run, and of those that are gone and have left
    /// theirs on interfaces.
    pub(super) fn programs_of_others(&self) -> Vec<u32> {
        programs_of_others_in(&self.directory, Some(&self.name))
    }

    /// Notes the programs that belong to the holder, by their numbers, each once: the file does not grow
    /// with what they are attached to.
    pub(super) fn note(&mut self, programs: &[u32]) -> Result<(), LockError> {
        let path = self.directory.path().join(lock_of(&self.name));
        let failed = |source| LockError::File { path: path.clone(), source };
        for &id in programs {
            if !self.noted.contains(&id) {
                writeln!(self.file, "{id}").map_err(failed)?;
                self.noted.push(id);
            }
        }
        Ok(())
    }

    /// Where the holder listens for commands ((the control socket)).
    pub(super) fn socket_path(&self) -> PathBuf {
        self.directory.path().join(socket_of(&self.name))
    }

    /// Where something can be kept under a name for the next holder of `pins`, whether that is the same folder or one
    /// in its place: it goes by the file system and the path.
    pub(super) fn kept_path(&self, pins: &Folder, name: &str) -> PathBuf {
        let path = self.pins.replace('%', "%25").replace('/', "%2F");
        self.directory.path().join(format!("{}-{path}.{name}", pins.device()))
    }

    /// Removes the socket that a holder which is gone has left; says whether there was one. Nobody
    /// listens at it: who does has the lock.
    pub(super) fn remove_socket(&self) -> Result<bool, FolderError> {
        self.directory.remove(&socket_of(&self.name))
    }
}

impl Drop for Lock {
    /// Removes the file while it is still locked: who opens it from here on makes another.
    fn drop(&mut self) {
        if !self.stays
            && let Err(error) = self.directory.remove(&lock_of(&self.name))
        {
            log::debug!("{error}");
        }
        // Closing alone would not do: a process that another thread is just starting has the file open, too.
        if let Err(error) = self.file.unlock() {
            log::debug!("cannot unlock {}: {error}", self.name);
        }
    }
}

/// Opens a lock file, and makes it if it is not there; `None` where something else is in its place:
/// a link, a pipe, a second name of another file, or a file of somebody else's.
fn open_lock(directory: &Folder, name: &str) -> io::Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mode = Mode::from_raw_mode(0o600);
    let opened = match openat(directory.fd(), name, flags | OFlags::CLOEXEC, mode) {
        Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Ok(None),
        opened => File::from(opened?),
    };
    let found = opened.metadata()?;
    let ours = [rustix::process::geteuid().as_raw(), directory.owner()].contains(&found.uid());
    // Its last holder may have just removed it, and then it has no name.
    Ok((found.is_file() && found.nlink() <= 1 && ours).then_some(opened))
}

/// Whether a file still has a name.
fn is_linked(file: &File) -> bool {
    file.metadata().is_ok_and(|found| found.nlink() > 0)
}

/// Whether a running instance holds `pins`.
pub(super) fn is_held(pins: &Folder) -> bool {
    let directory = Folder::open(Path::new(DIRECTORY), Owner::Given, On::Anything);
    let Ok(Some(directory)) = directory else { return false };
    open_to_read(&directory, &lock_of(&pins.id())).is_some_and(|(_, held)| held)
}

/// Where the instance that holds `pins` listens for commands.
pub(super) fn socket_path(pins: &Folder) -> PathBuf {
    Path::new(DIRECTORY).join(socket_of(&pins.id()))
}

/// The programs of all instances, running or gone, that may be on interfaces: by their numbers.
pub(super) fn programs_in_use() -> Result<Vec<u32>, FolderError> {
    programs_in_use_in(Path::new(DIRECTORY))
}

fn programs_in_use_in(directory: &Path) -> Result<Vec<u32>, FolderError> {
    let directory = Folder::open(directory, Owner::Given, On::Anything)?;
    Ok(directory.map_or_else(Vec::new, |directory| programs_of_others_in(&directory, None)))
}

fn programs_of_others_in(directory: &Folder, own: Option<&str>) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in names(directory) {
        let Some(name) = entry.strip_suffix(LOCK).filter(|name| Some(*name) != own) else {
            continue;
        };
        let Some((mut file, held)) = open_to_read(directory, &entry) else { continue };
        if held || has_pins(&mut file, name) {
            found.extend(programs(&mut file));
        }
    }
    found
}

/// Whether the pin directory of a lock that nobody holds is there still, with what keeps programs on
/// interfaces.
fn has_pins(file: &mut File, name: &str) -> bool {
    let Some(path) = lines(file).into_iter().nth(1) else { return false };
    let pins = Folder::open(Path::new(&path), Owner::Given, On::Anything);
    matches!(pins, Ok(Some(pins)) if pins.id() == name)
}

/// Removes locks and sockets that nobody holds, of whatever pin directory: that may be gone already. A lock
/// whose pins are there is kept: it says whose the programs on interfaces are. Says how many sockets there
/// were.
pub(super) fn remove_dead() -> Result<usize, FolderError> {
    remove_dead_in(Path::new(DIRECTORY))
}

fn remove_dead_in(directory: &Path) -> Result<usize, FolderError> {
    let directory = Folder::open(directory, Owner::Given, On::Anything)?;
    let Some(directory) = directory else { return Ok(0) };
    let mut removed = 0;
    for entry in names(&directory) {
        let Some(name) = entry.strip_suffix(LOCK).or_else(|| entry.strip_suffix(SOCKET)) else {
            continue;
        };
        // While this is held no instance starts with that name.
        let Ok(Some(mut lock)) = open_lock(&directory, &lock_of(name)) else { continue };
        let free = lock.try_lock().is_ok();
        if free && is_linked(&lock) {
            removed += usize::from(directory.remove(&socket_of(name))?);
            if !has_pins(&mut lock, name) {
                directory.remove(&lock_of(name))?;
            }
        }
    }
    Ok(removed)
}

/// The names in a folder for lock files.
fn names(directory: &Folder) -> Vec<String> {
    let entries = fs::read_dir(directory.entry(".")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The lock file, and whether somebody holds it.
fn open_to_read(directory: &Folder, name: &str) -> Option<(File, bool)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(directory.fd(), name, flags, Mode::empty()).ok()?);
    let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    // Who starts just now is not to find it locked.
    if !held {
        file.unlock().ok()?;
    }
    Some((file, held))
}

/// Programs of earlier holders that are kept in the file: an instance has eight at most, and starts that were
/// killed have noted theirs too. Most of these are not loaded any more, which the kernel does not say to everybody.
const EARLIER: usize = 512;

const LOCK: &str = ".lock";
const SOCKET: &str = ".sock";

fn lock_of(name: &str) -> String {
    name.to_owned() + LOCK
}

fn socket_of(name: &str) -> String {
    name.to_owned() + SOCKET
}

/// The path of a pin directory, on one line.
fn path_in_text(pins: &Folder) -> String {
    let path = std::path::absolute(pins.path()).unwrap_or_default();
    path.to_str().filter(|path| !path.contains('\n')).unwrap_or_default().to_owned()
}

/// Whether a program of this number may be loaded, for all that the kernel says.
fn may_be_loaded(program: u32) -> bool {
    !matches!(link::program(program), Err(error) if error.raw_os_error() == Some(libc::ENOENT))
}

/// The process that holds a lock file, or has held it.
fn holder(file: &mut File) -> Option<u32> {
    lines(file).first()?.parse().ok()
}

/// The programs in a lock file.
fn programs(file: &mut File) -> Vec<u32> {
    lines(file).iter().skip(2).filter_map(|line| line.parse().ok()).collect()
}

/// The lines of a lock file: the holder, the pin directory, programs. One that was just made has none.
fn lines(file: &mut File) -> Vec<String> {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(8192).read_to_string(&mut text));
    text.lines().take_while(|_| read.is_ok()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder for locks, and one for pins, which need not be on a BPF file system here.
    pub(super) struct Place(tempfile::TempDir);

    impl Place {
        pub(super) fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        pub(super) fn locks(&self) -> PathBuf {
            self.0.path().join("locks")
        }

        pub(super) fn pins(&self, name: &str) -> Folder {
            let path = self.0.path().join(name);
            Folder::make(&path, Mode::RWXU, On::Anything).unwrap()
        }

        fn take(&self, name: &str) -> Result<Lock, LockError> {
            self.lock(&self.pins(name))
        }

        pub(super) fn lock(&self, pins: &Folder) -> Result<Lock, LockError> {
            Lock::take_in(&self.locks(), pins, |_| true)
        }

        fn left(&self) -> usize {
            fs::read_dir(self.locks()).unwrap().count()
        }
    }

    #[test]
    fn a_second_one_is_told_the_pid_of_the_first() {
        let place = Place::new();
        let (pins, other) = (place.pins("pins"), place.pins("other"));
        let first = place.lock(&pins).unwrap();
        symlink("pins", place.0.path().join("link")).unwrap();
        for path in ["pins", "./pins/", "link/../pins"] {
            match place.take(path) {
                Err(error @ LockError::Held { pid, .. }) => {
                    assert_eq!(pid, Some(std::process::id()));
                    assert!(error.to_string().contains("is in use by a running"), "{path}");
                }
                other => panic!("{path}: {other:?}"),
            }
        }
        place.lock(&other).unwrap();
        drop(first);
        drop(place.lock(&pins).unwrap());
        assert_eq!(place.left(), 0, "nothing is left behind");
    }

    #[test]
    fn programs_count_as_in_use_as_long_as_their_holder_is_there() {
        let place = Place::new();
        let (a, b) = (place.pins("a"), place.pins("b"));
        let mut first = place.lock(&a).unwrap();
        first.note(&[7, 9]).unwrap();
        first.note(&[7, 9]).unwrap();
        let mut second = place.lock(&b).unwrap();
        second.note(&[11]).unwrap();
        drop(second);
        assert_eq!(programs_in_use_in(&place.locks()).unwrap(), [7, 9]);
    }

    #[test]
    fn what_is_in_the_place_of_a_lock_file_is_neither_written_to_nor_waited_for() {
        let place = Place::new();
        let pins = place.pins("pins");
        drop(place.lock(&pins).unwrap());
        let precious = place.0.path().join("precious");
        let at = place.locks().join(lock_of(&pins.id()));
        let fifo = |path: &Path| {
            let kind = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, path, kind, Mode::RUSR, 0).unwrap();
        };
        let plants: [&dyn Fn(&Path); 4] = [
            &|path| symlink(&precious, path).unwrap(),
            &|path| fs::hard_link(&precious, path).unwrap(),
            &|path| fs::create_dir(path).unwrap(),
            &fifo,
        ];
        for (number, plant) in plants.iter().enumerate() {
            fs::write(&precious, "precious").unwrap();
            plant(&at);
            match place.lock(&pins) {
                Err(LockError::Foreign(path)) => assert_eq!(path, at),
                other => panic!("{number}: {other:?}"),
            }
            assert_eq!(programs_in_use_in(&place.locks()).unwrap(), [0; 0]);
            assert_eq!(fs::read_to_string(&precious).unwrap(), "precious", "{number}");
            if at.is_dir() && !at.is_symlink() {
                fs::remove_dir(&at).unwrap();
            } else {
                fs::remove_file(&at).unwrap();
            }
        }
    }

    #[test]
    fn what_the_dead_left_goes_and_what_the_living_have_stays() {
        let place = Place::new();
        let alive = place.take("alive").unwrap();
        for name in ["0.9-1.lock", "0.9-1.sock", "0.9-2.sock", "0.9-3.lock"] {
            fs::write(place.locks().join(name), "").unwrap();
        }
        fs::write(alive.socket_path(), "").unwrap();
        assert_eq!(remove_dead_in(&place.locks()).unwrap(), 2);
        assert_eq!(place.left(), 2, "the lock and the socket of the living");
        assert!(alive.remove_socket().unwrap() && !alive.remove_socket().unwrap());
        drop(alive);
        assert_eq!(place.left(), 0);
    }

    #[test]
    fn a_lock_file_counts_only_while_it_has_a_name() {
        let place = Place::new();
        let pins = place.pins("pins");
        let lock = place.lock(&pins).unwrap();
        assert!(is_linked(&lock.file));
        fs::remove_file(place.locks().join(lock_of(&pins.id()))).unwrap();
        assert!(!is_linked(&lock.file));
    }

    /// The programs in a lock that nobody holds.
    fn left_programs(place: &Place, pins: &Folder) -> Vec<u32> {
        let directory = Folder::open(&place.locks(), Owner::Given, On::Anything).unwrap().unwrap();
        let (mut file, held) = open_to_read(&directory, &lock_of(&pins.id())).unwrap();
        assert!(!held);
        programs(&mut file)
    }

    #[test]
    fn programs_are_noted_however_many_starts_are_killed_until_one_takes_their_place() {
        let place = Place::new();
        let pins = place.pins("pins");
        let mut killed = place.lock(&pins).unwrap();
        killed.set_stays(true);
        killed.note(&[1000]).unwrap();
        drop(killed);
        for start in 0..40 {
            let mut killed = place.lock(&pins).unwrap();
            killed.set_stays(true);
            killed.note(&[2000 + start, 3000 + start, 4000 + start]).unwrap();
            drop(killed);
            assert!(left_programs(&place, &pins).contains(&1000), "{start}");
        }
        // Most of them are not loaded any more.
        let is_loaded = |id| [1000, 2039].contains(&id);
        let mut next = Lock::take_in(&place.locks(), &pins, is_loaded).unwrap();
        next.set_stays(true);
        next.note(&[5000]).unwrap();
        next.forget_earlier().unwrap();
        drop(next);
        assert_eq!(left_programs(&place, &pins), [5000]);
    }

    #[test]
    fn a_start_that_fails_leaves_the_lock_as_it_was() {
        let place = Place::new();
        let pins = place.pins("pins");
        let mut first = place.lock(&pins).unwrap();
        first.set_stays(true);
        first.note(&[7, 9]).unwrap();
        drop(first);
        let path = place.locks().join(lock_of(&pins.id()));
        let text = fs::read_to_string(&path).unwrap().replacen(char::is_numeric, "4", 1);
        fs::write(&path, &text).unwrap();
        let mut failing = place.lock(&pins).unwrap();
        failing.set_stays(true);
        failing.note(&[11]).unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), text);
        failing.give_back().unwrap();
        drop(failing);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
