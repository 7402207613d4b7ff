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

    /// What is read while somebody writes in steps, and the longest pause of the writer: on a busy machine it may be so
    /// long that the file has rested.
    fn read_while_written() -> (Vec<u8>, Duration) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        fs::write(&path, "half").unwrap();
        let mut written = Instant::now();
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let steps = (1..10).map(|length| {
                    thread::sleep(QUIET / 5);
                    fs::write(&path, "whole".repeat(length)).unwrap();
                    let pause = written.elapsed();
                    written = Instant::now();
                    pause
                });
                steps.max().unwrap()
            });
            let read = read_settled(&path, 100).unwrap();
            (read, writer.join().unwrap())
        })
    }

    #[test]
    fn a_file_is_read_when_it_is_left_alone() {
        let mut tries = (0..20).map(|_| read_while_written());
        let (read, _) = tries.find(|(_, pause)| *pause < QUIET / 2).expect("a writer that gets on");
        assert_eq!(read, b"whole".repeat(9));
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
            // On a busy machine the writer may pause for so long that the file has rested.
            let refused = (0..20).find_map(|_| read_settled(&path, 100).err());
            // Before anything may fail: the writer would go on for good.
            over.store(true, Ordering::Relaxed);
            assert_eq!(refused.map(|error| error.kind()), Some(io::ErrorKind::ResourceBusy));
        });
    }
}
