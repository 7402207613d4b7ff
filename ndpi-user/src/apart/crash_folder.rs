//! The folder for captures of what has ended nDPI.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, ensure};
use crossbeam::channel::{Receiver, Sender, bounded};
use ndpi_events::Time;
use rustix::fs::{Access, access};

/// How their names begin.
const PREFIX: &str = "ndpi-crash-";

/// Captures in the folder at most: whoever makes nDPI die once can do so again.
const MOST: usize = 16;

/// Captures that wait to be written at most.
const WAITING: usize = 16;

/// The header of a capture (pcap, in microseconds) of packets from the IP header on (`LINKTYPE_RAW`).
const HEADER: [u8; 24] =
    [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0];

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct CrashFolder(PathBuf);

/// Writes captures to the folder, until nobody has any more.
#[derive(Debug)]
pub(super) struct CrashWriter(Option<JoinHandle<()>>);

impl CrashFolder {
    /// The folder at `path`.
    ///
    /// # Errors
    /// There is none, or this user cannot write to it.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let shown = path.display();
        let found = fs::metadata(path).with_context(|| {
            format!("cannot keep captures of crashes in {shown}: make it first")
        })?;
        ensure!(found.is_dir(), "cannot keep captures of crashes in {shown}: it is no folder");
        access(path, Access::WRITE_OK | Access::EXEC_OK)
            .with_context(|| format!("cannot keep captures of crashes in {shown}"))?;
        Ok(Self(path.to_owned()))
    }

    /// Where captures that are to be written are put, and come out.
    pub(super) fn queue() -> (Sender<Vec<u8>>, Receiver<Vec<u8>>) {
        bounded(WAITING)
    }

    /// Starts to write what comes, on a thread of its own.
    ///
    /// # Errors
    /// There can be no thread.
    pub(super) fn start(self, fatal: Receiver<Vec<u8>>) -> io::Result<CrashWriter> {
        let write = move || fatal.iter().for_each(|packets| self.report(&packets));
        let thread = thread::Builder::new().name("ndpi-crashes".into()).spawn(write)?;
        Ok(CrashWriter(Some(thread)))
    }

    fn report(&self, packets: &[u8]) {
        let folder = self.0.display();
        match self.write(packets, Time::now()) {
            Ok(Some(path)) => log::error!(
                "what nDPI was shown of that flow is in {}: a report to its authors needs no more",
                path.display()
            ),
            Ok(None) => log::warn!(
                "what nDPI was shown of that flow is lost: {folder} has {MOST} captures of crashes, and no more are \
                 written until some are removed"
            ),
            Err(error) => log::error!("cannot write a capture of a crash to {folder}: {error}"),
        }
    }

    /// Writes a capture of these packets; `None` where there are too many.
    fn write(&self, packets: &[u8], now: Time) -> io::Result<Option<PathBuf>> {
        let is_one =
            |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
        let there = fs::read_dir(&self.0)?.flatten();
        if there.filter(|file| is_one(&file.file_name())).count() >= MOST {
            return Ok(None);
        }
        let time = now.timestamp().strftime("%Y%m%dT%H%M%S%6fZ");
        let path = self.0.join(format!("{PREFIX}{time}.pcap"));
        // Others may have made anything of that name where they can write.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(&HEADER)?;
        file.write_all(packets)?;
        Ok(Some(path))
    }
}

impl Drop for CrashWriter {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // Where it has panicked, that was said.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn so_many_are_written_for_their_owner_alone_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let crashes = CrashFolder::at(folder.path()).unwrap();
        fs::write(folder.path().join("other"), "").unwrap();
        let at = |number: usize| Time::from_ns(u64::try_from(number).unwrap() * 1000);
        for number in 0..MOST {
            let path = crashes.write(&[7; 3], at(number)).unwrap().unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read(&path).unwrap(), [&HEADER[..], &[7; 3]].concat());
        }
        assert_eq!(crashes.write(&[], at(MOST)).unwrap(), None);
        let one = folder.path().join("ndpi-crash-19700101T000000000003Z.pcap");
        fs::remove_file(&one).unwrap();
        assert_eq!(crashes.write(&[], at(3)).unwrap(), Some(one));
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let crashes = CrashFolder::at(folder.path()).unwrap();
        let path = crashes.write(b"first", Time::from_ns(0)).unwrap().unwrap();
        let error = crashes.write(b"second", Time::from_ns(0)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(fs::read(path).unwrap().ends_with(b"first"));
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file, folder.path().join("missing")] {
            let error = format!("{:#}", CrashFolder::at(&path).unwrap_err());
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }
}
