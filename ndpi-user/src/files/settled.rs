//! Reading a file that somebody may be writing.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{Look, read_bytes};

/// How long a file must look the same to be read: whoever writes it in several steps is given the time
/// to finish.
pub const QUIET: Duration = Duration::from_millis(100);

/// How long a file may go on changing before it is given up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads the regular file at `path` as it was for at least [`QUIET`]: nobody changed it that long before
/// it was read, nor while it was.
///
/// # Errors
///
/// As [`read_bytes`], and where it goes on changing.
pub fn read_settled(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let start = Instant::now();
    loop {
        let before = Look::at(path)?;
        match before.and_then(|look| look.age()) {
            // A time in the future says nothing: the clock was set.
            Some(age) if age < QUIET => thread::sleep(QUIET.saturating_sub(age)),
            _ => {
                let bytes = read_bytes(path, longest)?;
                if Look::at(path)? == before {
                    return Ok(bytes);
                }
            }
        }
        if start.elapsed() > PATIENCE {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "it is being written to; it is read when it is left alone",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_file_is_read_when_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        fs::write(&path, "half").unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for length in 1..10 {
                    thread::sleep(QUIET / 5);
                    fs::write(&path, "whole".repeat(length)).unwrap();
                }
            });
            assert_eq!(read_settled(&path, 100).unwrap(), b"whole".repeat(9));
        });
    }

    #[test]
    fn a_file_that_never_rests_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let (path, over) = (folder.path().join("text"), AtomicBool::new(false));
        fs::write(&path, "").unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    fs::write(&path, "x").unwrap();
                    thread::sleep(QUIET / 10);
                }
            });
            let read = read_settled(&path, 100);
            // Before anything may fail: the writer would go on for good.
            over.store(true, Ordering::Relaxed);
            let error = read.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ResourceBusy, "{error}");
        });
    }
}
