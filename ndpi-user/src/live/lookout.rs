//! Threads without which a session is not whole, and noticing at once that one has ended.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use anyhow::{Context as _, Result, anyhow};
use crossbeam::channel::{Receiver, Sender, unbounded};

/// Starts threads, and notices when one ends, in whatever way.
#[derive(Debug)]
pub(super) struct Lookout {
    report: Sender<String>,
    ended: Receiver<String>,
}

/// Reports the end of its thread when it is dropped, by a panic too.
struct Watched {
    name: String,
    report: Sender<String>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Nobody listens when the session is over, which is when threads are to end.
        let _ = self.report.send(std::mem::take(&mut self.name));
    }
}

impl Lookout {
    pub(super) fn new() -> Self {
        let (report, ended) = unbounded();
        Self { report, ended }
    }

    /// The names of threads that have ended.
    pub(super) fn ended(&self) -> &Receiver<String> {
        &self.ended
    }

    /// Starts a thread.
    pub(super) fn spawn<'scope, T: Send + 'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        name: &str,
        task: impl FnOnce() -> T + Send + 'scope,
    ) -> Result<ScopedJoinHandle<'scope, T>> {
        let watched = Watched { name: name.to_owned(), report: self.report.clone() };
        let thread = Builder::new().name(name.to_owned()).spawn_scoped(scope, move || {
            let _watched = watched;
            task()
        });
        thread.with_context(|| format!("cannot start the thread `{name}`"))
    }
}

/// What it means that the thread `name` has ended while the session went on.
pub(super) fn incomplete(name: &str) -> anyhow::Error {
    anyhow!(
        "the thread `{name}` has ended, and without it flows would pass unclassified: the programs are \
         detached and nothing is enforced any more; start ndpi-xdp again"
    )
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_thread_that_ends_is_reported_whether_it_panics_or_returns() {
        let lookout = Lookout::new();
        let long = Duration::from_secs(20);
        thread::scope(|scope| {
            let (stay, staying) = unbounded::<()>();
            let stays = lookout.spawn(scope, "stays", move || staying.recv().is_ok()).unwrap();
            let panics = lookout.spawn(scope, "panics", || panic!("as it is meant to")).unwrap();
            assert_eq!(lookout.ended().recv_timeout(long), Ok("panics".into()));
            assert!(panics.join().is_err());
            lookout.spawn(scope, "returns", || ()).unwrap();
            assert_eq!(lookout.ended().recv_timeout(long), Ok("returns".into()));
            assert!(lookout.ended().is_empty());
            drop(stay);
            assert!(!stays.join().unwrap());
        });
        assert!(incomplete("worker 1").to_string().contains("nothing is enforced any more"));
    }
}
