//! Files that made room for the next one: how they are called, how many are kept, and their compression.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use crossbeam::channel::{Receiver, Sender, bounded};
use flate2::Compression;
use flate2::write::GzEncoder;
use ndpi_text::shown;

/// Looks after the earlier files of one name, on a thread of its own: compressing takes seconds.
pub(super) struct Keeper {
    path: PathBuf,
    asked: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Keeps so many earlier files of `path`, compressed or not, those of an earlier process included.
    pub(super) fn start(path: PathBuf, keep: Option<usize>, compress: bool) -> Self {
        // One that waits is as good as many.
        let (asked, asks) = bounded(1);
        let of = path.clone();
        let thread = thread::spawn(move || keep_tidy(&of, keep, compress, &asks));
        Self { path, asked: Some(asked), thread: Some(thread) }
    }

    /// What a file is to be called that makes room at this time.
    pub(super) fn next_name(&self, time: SystemTime) -> PathBuf {
        let time = jiff::Timestamp::try_from(time).unwrap_or_default();
        let time = time.strftime("%Y%m%dT%H%M%S%6fZ").to_string();
        let (stem, extension) = parts(&self.path);
        let mut name = OsString::from(stem);
        name.push(format!("-{time}"));
        if let Some(extension) = extension {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    /// There is another earlier file.
    pub(super) fn tidy(&self) {
        if let Some(asked) = &self.asked {
            let _ = asked.try_send(());
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.asked = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn parts(path: &Path) -> (&OsStr, Option<&OsStr>) {
    (path.file_stem().unwrap_or_default(), path.extension())
}

fn keep_tidy(path: &Path, keep: Option<usize>, compress: bool, asks: &Receiver<()>) {
    loop {
        if let Err(error) = tidy(path, keep, compress) {
            log::warn!("cannot look after the earlier files of {}: {error}", shown(path));
        }
        if asks.recv().is_err() {
            return;
        }
    }
}

/// Removes the oldest of too many earlier files, and compresses the others. One that this cannot be done with keeps
/// it from no other.
fn tidy(path: &Path, keep: Option<usize>, compress: bool) -> io::Result<()> {
    let mut earlier = earlier_files(path)?;
    let begun: Vec<_> = earlier.extract_if(.., |it| has_extension(it, "begun")).collect();
    let too_many = earlier.len().saturating_sub(keep.unwrap_or(usize::MAX));
    let gone = begun.into_iter().chain(earlier.drain(..too_many)).map(fs::remove_file);
    let mut results: Vec<_> = gone.collect();
    earlier.retain(|it| compress && !has_extension(it, "gz") && !it.is_symlink());
    results.extend(earlier.iter().map(|it| compress_file(it)));
    results.into_iter().collect()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension() == Some(OsStr::new(extension))
}

/// The earlier files, the oldest first: their names have the time. Among them what an earlier process did not come to
/// compress whole.
fn earlier_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let (stem, extension) = parts(path);
    let (stem, extension) = (stem.as_encoded_bytes(), extension.map(OsStr::as_encoded_bytes));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let name = entry.file_name();
        if is_earlier(name.as_encoded_bytes(), stem, extension) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Whether this is the name of an earlier file, as [`Keeper::next_name`] makes them.
fn is_earlier(name: &[u8], stem: &[u8], extension: Option<&[u8]>) -> bool {
    const TIME: usize = "-20261123T090000000000Z".len();
    let Some(rest) = name.strip_prefix(stem) else { return false };
    let Some((time, rest)) = rest.split_at_checked(TIME) else { return false };
    let is_time = time[0] == b'-' && time.ends_with(b"Z") && time[9] == b'T';
    let rest = match extension {
        Some(extension) => rest.strip_prefix(b".").and_then(|rest| rest.strip_prefix(extension)),
        None => Some(rest),
    };
    is_time && matches!(rest, Some(b"" | b".gz" | b".gz.begun"))
}

/// Puts the compressed file in the place of a file when it is whole.
fn compress_file(path: &Path) -> io::Result<()> {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let (begun, whole) = (with(".gz.begun"), with(".gz"));
    let compressed = write_compressed(path, &begun).and_then(|()| fs::rename(&begun, whole));
    if compressed.is_err() {
        let _ = fs::remove_file(&begun);
    }
    compressed.and_then(|()| fs::remove_file(path))
}

fn write_compressed(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(from)?;
    let mut encoder = GzEncoder::new(create_like(&from, to)?, Compression::default());
    io::copy(&mut from, &mut encoder)?;
    encoder.finish()?.sync_all()
}

/// Makes a file that only those can read who can read the other one.
fn create_like(other: &File, path: &Path) -> io::Result<File> {
    let other = other.metadata()?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let same_owner = fchown(&file, Some(other.uid()), Some(other.gid())).is_ok();
    let mode = if same_owner { 0o777 } else { 0o700 } & other.mode();
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_files_are_known_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["flows.json", "flows", "a-b.tar.x"] {
            let keeper = Keeper::start(folder.path().join(path), None, false);
            let name = keeper.next_name(SystemTime::UNIX_EPOCH);
            let name = name.file_name().unwrap().as_encoded_bytes();
            let (stem, extension) = parts(Path::new(path));
            let (stem, extension) =
                (stem.as_encoded_bytes(), extension.map(OsStr::as_encoded_bytes));
            assert!(is_earlier(name, stem, extension), "{path}");
            for ending in [&b".gz"[..], b".gz.begun"] {
                assert!(is_earlier(&[name, ending].concat(), stem, extension), "{path}");
            }
            for other in [&b"flows.json"[..], b"flows-other.json", b"flows-20261123.json.gz"] {
                assert!(!is_earlier(other, stem, extension), "{path}");
            }
        }
    }
}
