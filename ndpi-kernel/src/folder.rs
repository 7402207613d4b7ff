//! A folder that is used by its descriptor, after a look at who could exchange what is on the way to
//! it: whatever happens to its path later, nothing is made, opened or removed elsewhere.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, fstatfs, mkdirat, openat, readlinkat,
    renameat, statat, statfs, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

/// The kernel's own limit (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Magic number of the BPF file system (`BPF_FS_MAGIC`).
const BPF: i64 = 0xcafe_4a11;

/// A folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is not on a BPF file system.
    #[error(
        "{} is not on a BPF file system, where maps can be pinned; choose a directory under \
         /sys/fs/bpf", .0.display()
    )]
    NotBpf(PathBuf),
    /// The BPF file system has no such names (`bpf_lookup`).
    #[error(
        "the BPF file system takes no dots in names, and {} has one; choose another name", .0.display()
    )]
    Dot(PathBuf),
    /// Somebody else can decide what is in it.
    #[error(
        "{} is not used, since {} {why}: others could exchange what is there; make it root's alone \
         (chown, chmod go-w), or choose another directory", .path.display(), .at.display()
    )]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// The part of the path that is not safe.
        at: PathBuf,
        /// What is wrong with it.
        why: Distrust,
    },
    /// The system refused.
    #[error("cannot {doing} {}", .path.display())]
    Call {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with a part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It is neither root's nor ours.
    #[error("belongs to user {0}")]
    Owner(u32),
    /// Its mode lets others than its owner write.
    #[error("can be written to by others than its owner")]
    Writable,
    /// It leads elsewhere.
    #[error("is a symbolic link")]
    Link,
    /// It is something else.
    #[error("is not a directory")]
    NotFolder,
}

/// Whose a folder may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// This process's user's alone.
    Us,
    /// Another user's as well, to whom root has given a folder on the way: nobody else could have put
    /// it there. Root looks into what a service without root's rights has made.
    Given,
}

/// What a folder must be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// A BPF file system.
    Bpf,
    /// Whatever there is.
    Anything,
}

/// A folder whose path nobody else can exchange.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
    found: Stat,
    /// The folder that it is in, and its name there.
    parent: OwnedFd,
    name: OsString,
    made: Made,
}

impl Folder {
    /// Opens a folder; `None` where it is not there.
    pub(super) fn open(path: &Path, owner: Owner, on: On) -> Result<Option<Self>, FolderError> {
        // What is not there is not on another file system either.
        if on == On::Bpf && statfs(path).is_ok() && !is_on_bpf(path) {
            return Err(FolderError::NotBpf(path.to_owned()));
        }
        Walk::new(path, owner, on)?.finish(None)
    }

    /// Opens a folder of our own, and makes it with those above it where they are missing. Those that
    /// were made go when this is dropped, unless something is in them or they are
    /// [kept](Folder::keep).
    pub(super) fn make(path: &Path, mode: Mode, on: On) -> Result<Self, FolderError> {
        // First, whatever else may be wrong with the path: it is the likelier mistake.
        if on == On::Bpf && !leads_to_bpf(path) {
            return Err(FolderError::NotBpf(path.to_owned()));
        }
        let owner = if on == On::Bpf { Owner::Us } else { Owner::Given };
        let made = Walk::new(path, owner, on)?.finish(Some(mode))?;
        made.ok_or_else(|| call("make", path)(Errno::NOENT))
    }

    /// Lets the folders stay that were made.
    pub(super) fn keep(&mut self) {
        self.made.0.clear();
    }

    /// As a person named it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> u32 {
        self.found.st_uid
    }

    /// Its descriptor.
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// A name that only this folder has while it is there, by whatever path it is reached.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.device(), self.found.st_ino)
    }

    /// The file system that it is on.
    pub(super) fn device(&self) -> String {
        let device = self.found.st_dev;
        format!("{}.{}", rustix::fs::major(device), rustix::fs::minor(device))
    }

    /// Whether it is still where it was found, not removed and made again.
    pub(super) fn is_there(&self) -> bool {
        statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|now| (now.st_dev, now.st_ino) == (self.found.st_dev, self.found.st_ino))
    }

    /// A path to `name` in it that leads there even if the folder is moved.
    pub(super) fn entry(&self, name: &str) -> PathBuf {
        Path::new("/proc/self/fd").join(self.fd.as_raw_fd().to_string()).join(name)
    }

    /// Whether it has an entry of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Has `make` make at a path in it what is to be there under `name`, and leaves what is there as it is
    /// until [`Folder::exchange`].
    pub(super) fn stage<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> io::Result<()> {
        let staged = staged(name);
        self.remove(&staged).map_err(io::Error::other)?;
        make(&self.entry(&staged)).map_err(io::Error::other)
    }

    /// Puts what was staged under `name` in the place of what is there: at no moment is nothing. Where nothing was,
    /// nothing changes.
    pub(super) fn exchange(&self, name: &str) -> io::Result<()> {
        match renameat(&self.fd, staged(name), &self.fd, name) {
            Err(Errno::NOENT) => Ok(()),
            renamed => Ok(renamed?),
        }
    }

    /// Removes what was staged under `name`; false where nothing was.
    pub(super) fn unstage(&self, name: &str) -> Result<bool, FolderError> {
        self.remove(&staged(name))
    }

    /// Removes an entry that is not a folder; false where there is none.
    pub(super) fn remove(&self, name: &str) -> Result<bool, FolderError> {
        match unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(call("remove", &self.path.join(name))(error)),
        }
    }

    /// Removes the folder itself, unless something is in it.
    pub(super) fn remove_if_empty(&self) {
        if self.is_there() {
            // What is not ours keeps it.
            let _ = unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR);
        }
    }
}

/// The name of what is to take the place of `name`.
fn staged(name: &str) -> String {
    format!("new_{name}")
}

/// Folders that were made: the folder that each is in, and its name there.
#[derive(Debug, Default)]
struct Made(Vec<(OwnedFd, OsString)>);

impl Drop for Made {
    fn drop(&mut self) {
        for (parent, name) in self.0.iter().rev() {
            let _ = unlinkat(parent, name, AtFlags::REMOVEDIR);
        }
    }
}

/// A way down a path, folder by folder.
struct Walk<'a> {
    path: &'a Path,
    owner: Owner,
    on: On,
    fd: OwnedFd,
    found: Stat,
    at: PathBuf,
    /// Whether anybody may make something in it, as in `/tmp`, but not exchange what is there.
    shared: bool,
    /// The user to whom a folder on the way was given.
    given: Option<u32>,
    made: Made,
}

impl<'a> Walk<'a> {
    fn new(path: &'a Path, owner: Owner, on: On) -> Result<Self, FolderError> {
        let root = Path::new("/");
        let fd = openat(CWD, root, FLAGS, Mode::empty()).map_err(call("open", root))?;
        let found = fstat(&fd).map_err(call("examine", root))?;
        let (given, made, at) = (None, Made::default(), root.to_owned());
        let mut walk = Self { path, owner, on, fd, found, at, shared: false, given, made };
        walk.judge(root, &found)?;
        Ok(walk)
    }

    /// Goes to the end of the path; where `making`, makes what is missing with this mode, else `None`
    /// says that something is.
    fn finish(mut self, making: Option<Mode>) -> Result<Option<Folder>, FolderError> {
        let absolute = std::path::absolute(self.path).map_err(io_call("find", self.path))?;
        let mut left = parts(&absolute);
        let (mut parent, mut name, mut links) = (self.duplicate()?, OsString::from("."), 0);
        while let Some(part) = left.pop() {
            let at = self.at.join(&part);
            let Some((fd, found)) = self.look(&part, &at, making)? else { return Ok(None) };
            match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => {
                    self.judge(&at, &found)?;
                    parent = std::mem::replace(&mut self.fd, fd);
                    (self.at, self.found, name) = (at, found, part);
                }
                FileType::Symlink if !left.is_empty() && links < MOST_LINKS => {
                    links += 1;
                    left.extend(parts(&self.target(&fd, &at)?));
                }
                FileType::Symlink => return Err(self.distrust(&at, Distrust::Link)),
                _ => return Err(self.distrust(&at, Distrust::NotFolder)),
            }
        }
        self.judge_end()?;
        let Self { fd, found, made, path, .. } = self;
        Ok(Some(Folder { fd, found, path: path.to_owned(), parent, name, made }))
    }

    /// What `part` of the path is, after it was made if it may be.
    fn look(
        &mut self,
        part: &OsStr,
        at: &Path,
        making: Option<Mode>,
    ) -> Result<Option<(OwnedFd, Stat)>, FolderError> {
        let has_dot = part != ".." && part.as_bytes().contains(&b'.');
        if has_dot && self.on == On::Bpf && is_bpf(&self.fd) {
            return Err(FolderError::Dot(at.to_owned()));
        }
        let open = |walk: &Self| openat(&walk.fd, part, FLAGS, Mode::empty());
        let fd = match (open(self), making) {
            (Err(Errno::NOENT), None) => return Ok(None),
            (Err(Errno::NOENT), Some(mode)) => {
                self.make(part, at, mode)?;
                open(self)
            }
            (opened, _) => opened,
        };
        let fd = fd.map_err(call("open", at))?;
        let found = fstat(&fd).map_err(call("examine", at))?;
        Ok(Some((fd, found)))
    }

    fn make(&mut self, part: &OsStr, at: &Path, mode: Mode) -> Result<(), FolderError> {
        if self.on == On::Bpf && !is_bpf(&self.fd) {
            return Err(FolderError::NotBpf(self.path.to_owned()));
        }
        match mkdirat(&self.fd, part, mode) {
            Ok(()) => self.made.0.push((self.duplicate()?, part.to_owned())),
            // Somebody was faster; whose it is will be seen.
            Err(Errno::EXIST) => {}
            Err(error) => return Err(call("make", at)(error)),
        }
        Ok(())
    }

    /// Where a link leads: only one that root or we have made is followed.
    fn target(&self, link: &OwnedFd, at: &Path) -> Result<PathBuf, FolderError> {
        if self.shared || self.given.is_some() {
            return Err(self.distrust(at, Distrust::Link));
        }
        let target = readlinkat(link, c"", Vec::new()).map_err(call("read", at))?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// Whether a folder on the way can be relied on.
    fn judge(&mut self, at: &Path, found: &Stat) -> Result<(), FolderError> {
        let owner = found.st_uid;
        if owner != 0 && owner != us() && self.given != Some(owner) {
            if self.owner == Owner::Us || self.given.is_some() || self.shared {
                return Err(self.distrust(at, Distrust::Owner(owner)));
            }
            self.given = Some(owner);
        }
        let mode = Mode::from_raw_mode(found.st_mode);
        let writable = mode.intersects(Mode::WGRP | Mode::WOTH);
        // In a sticky folder nobody can exchange a folder of somebody else's.
        if writable && !mode.contains(Mode::SVTX) {
            return Err(self.distrust(at, Distrust::Writable));
        }
        self.shared = writable;
        Ok(())
    }

    /// Whether the folder at the end can be.
    fn judge_end(&self) -> Result<(), FolderError> {
        if self.on == On::Bpf && !is_bpf(&self.fd) {
            return Err(FolderError::NotBpf(self.path.to_owned()));
        }
        let owner = self.found.st_uid;
        if self.owner == Owner::Us && owner != us() {
            return Err(self.distrust(&self.at, Distrust::Owner(owner)));
        }
        if self.shared {
            return Err(self.distrust(&self.at, Distrust::Writable));
        }
        Ok(())
    }

    fn duplicate(&self) -> Result<OwnedFd, FolderError> {
        self.fd.try_clone().map_err(io_call("open", &self.at))
    }

    fn distrust(&self, at: &Path, why: Distrust) -> FolderError {
        FolderError::Untrusted { path: self.path.to_owned(), at: at.to_owned(), why }
    }
}

/// A descriptor that only leads to a file, and to a link itself.
const FLAGS: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn us() -> u32 {
    geteuid().as_raw()
}

/// Whether the part of `path` that exists is on a BPF file system.
fn leads_to_bpf(path: &Path) -> bool {
    let absolute = std::path::absolute(path).unwrap_or_default();
    let mut found = absolute.ancestors().map(statfs);
    found.find_map(Result::ok).is_some_and(|found| found.f_type == BPF)
}

/// Whether a BPF file system is mounted at `path`, or above it.
pub(super) fn is_on_bpf(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.f_type == BPF)
}

fn is_bpf(fd: &OwnedFd) -> bool {
    fstatfs(fd).is_ok_and(|found| found.f_type == BPF)
}

/// The parts of a path, last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let mut parts: Vec<_> = parts.map(|part| part.as_os_str().to_owned()).collect();
    parts.reverse();
    parts
}

fn call(doing: &'static str, path: &Path) -> impl Fn(Errno) -> FolderError {
    move |error| io_call(doing, path)(error.into())
}

fn io_call(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> FolderError {
    move |source| FolderError::Call { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

    use super::*;

    fn temporary() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn make(path: &Path) -> Result<Folder, FolderError> {
        Folder::make(path, Mode::from_raw_mode(0o700), On::Anything)
    }

    fn why(result: Result<Folder, FolderError>) -> (PathBuf, Distrust) {
        match result {
            Err(FolderError::Untrusted { at, why, .. }) => (at, why),
            other => panic!("{other:?}"),
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn one_folder_has_one_id_by_all_its_paths() {
        let root = temporary();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        symlink("a", root.path().join("link")).unwrap();
        let id = |path: &str| make(&root.path().join(path)).unwrap().id();
        for path in ["a/./b", "a//b/", "link/b", "a/../link/b/."] {
            assert_eq!(id(path), id("a/b"), "{path}");
        }
        assert_ne!(id("a"), id("a/b"));
    }

    #[test]
    fn what_was_made_goes_unless_something_is_in_it() {
        let root = temporary();
        let path = root.path().join("a/b/c");
        let folder = make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        fs::write(root.path().join("a/file"), "").unwrap();
        drop(folder);
        assert!(!root.path().join("a/b").exists() && root.path().join("a/file").exists());
        let mut kept = make(&path).unwrap();
        kept.keep();
        drop(kept);
        assert!(path.exists());
        drop(make(&path).unwrap());
        assert!(path.exists(), "what was there before stays");
    }

    #[test]
    fn no_part_may_be_writable_by_others() {
        let root = temporary();
        let path = root.path().join("a/b");
        fs::create_dir_all(&path).unwrap();
        for (part, right) in [(path.parent().unwrap(), 0o755), (path.as_path(), 0o700)] {
            for wrong in [0o020, 0o002] {
                set_mode(part, right | wrong);
                assert_eq!(why(make(&path)), (part.to_owned(), Distrust::Writable));
            }
            set_mode(part, right);
        }
        // Sticky: one may pass, but not stay.
        set_mode(path.parent().unwrap(), 0o1777);
        make(&path).unwrap();
        set_mode(&path, 0o1777);
        assert_eq!(why(make(&path)), (path.clone(), Distrust::Writable));
    }

    #[test]
    fn links_are_followed_only_on_the_way_and_only_our_own() {
        let root = temporary();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        symlink("a/b", at("end")).unwrap();
        assert_eq!(why(make(&at("end"))), (at("end"), Distrust::Link));
        fs::write(at("file"), "").unwrap();
        assert_eq!(why(make(&at("file"))), (at("file"), Distrust::NotFolder));
        symlink("around", at("around")).unwrap();
        assert_eq!(why(make(&at("around/x"))), (at("around"), Distrust::Link));
        symlink(at("a"), at("absolute")).unwrap();
        make(&at("absolute/b")).unwrap();
        set_mode(root.path(), 0o1777);
        assert_eq!(why(make(&at("absolute/b"))), (at("absolute"), Distrust::Link));
    }

    #[test]
    fn a_folder_of_somebody_else_is_only_looked_into_where_it_was_given() {
        if !geteuid().is_root() {
            return eprintln!("skipped: only root can give folders away");
        }
        let root = temporary();
        let path = root.path().join("a/b");
        fs::create_dir_all(&path).unwrap();
        chown(&path, Some(65534), None).unwrap();
        let open = |owner| Folder::open(&path, owner, On::Anything).map(Option::unwrap);
        assert_eq!(why(open(Owner::Us)), (path.clone(), Distrust::Owner(65534)));
        assert_eq!(open(Owner::Given).unwrap().owner(), 65534);
        // Where anybody can make folders, nobody has given it.
        set_mode(path.parent().unwrap(), 0o1777);
        assert_eq!(why(open(Owner::Given)), (path.clone(), Distrust::Owner(65534)));
    }

    #[test]
    fn what_was_exchanged_is_noticed_and_not_touched() {
        let root = temporary();
        let path = root.path().join("a");
        let folder = make(&path).unwrap();
        fs::rename(&path, root.path().join("moved")).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("STATS"), "").unwrap();
        fs::write(root.path().join("moved/STATS"), "").unwrap();
        assert!(!folder.is_there());
        assert!(folder.entry("STATS").exists() && folder.has("STATS"));
        assert!(folder.remove("STATS").unwrap() && !folder.remove("STATS").unwrap());
        folder.remove_if_empty();
        assert!(path.join("STATS").exists());
    }

    #[test]
    fn an_ordinary_file_system_is_refused_before_anything_is_made() {
        let root = temporary();
        let path = root.path().join("a/b");
        let error = Folder::make(&path, Mode::RWXU, On::Bpf).unwrap_err();
        assert!(matches!(error, FolderError::NotBpf(_)), "{error:?}");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
