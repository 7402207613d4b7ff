//! Calls that a file system may keep for ever, waited for within bounds.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crossbeam::channel::{RecvTimeoutError, bounded};

use crate::locked::locked;

/// Paths of calls that have not come back. A server that does not answer costs a thread for each, and
/// not one for each attempt.
static STUCK: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// What `call`, which has to do with `path`, returns within `limit`; a call that takes longer is left to
/// itself, on the thread that it has.
///
/// # Errors
///
/// It takes longer, or an earlier one for the same path still does.
pub fn within<T: Send + 'static>(
    path: &Path,
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    if stuck().contains(path) {
        return Err(unanswered("an earlier attempt has not come back"));
    }
    let (done, result) = bounded(1);
    let name = path.to_owned();
    thread::Builder::new().name("file".into()).spawn(move || {
        let value = call();
        let mut stuck = stuck();
        stuck.remove(&name);
        // Whoever waited may have gone.
        let _ = done.send(value);
    })?;
    match result.recv_timeout(limit) {
        Ok(value) => Ok(value),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the attempt panicked")),
        Err(RecvTimeoutError::Timeout) => {
            // It either comes back before this, or finds its path among the stuck ones.
            let mut stuck = stuck();
            result.try_recv().map_err(|_| {
                stuck.insert(path.to_owned());
                unanswered(&format!("no answer within {} seconds", limit.as_secs_f32()))
            })
        }
    }
}

fn stuck() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    locked(&STUCK)
}

fn unanswered(why: &str) -> io::Error {
    let text = format!("{why}: is it on a network mount whose server is gone?");
    io::Error::new(io::ErrorKind::TimedOut, text)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn what_does_not_come_back_is_waited_for_once() {
        let (path, moment) = (Path::new("/within/stuck"), Duration::from_millis(50));
        let (release, held) = mpsc::channel::<()>();
        let error = within(path, moment, move || held.recv().is_ok()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("no answer within 0.05 seconds"), "{error}");
        let start = Instant::now();
        let error = within(path, LONG, || ()).unwrap_err();
        assert!(start.elapsed() < LONG);
        assert!(error.to_string().contains("an earlier attempt"), "{error}");
        within(Path::new("/within/other"), LONG, || ()).unwrap();
        // When it does after all, the path can be used again.
        drop(release);
        while within(path, LONG, || ()).is_err() {
            assert!(start.elapsed() < LONG);
        }
    }

    #[test]
    fn a_result_comes_back() {
        assert_eq!(within(Path::new("/within/result"), LONG, || 7).unwrap(), 7);
    }
}
