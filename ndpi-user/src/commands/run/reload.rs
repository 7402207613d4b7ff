//! A policy that changes while it is in force.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use crossbeam::channel::{self, Receiver, Sender, select};

use crate::live::{Control, Rejudged};
use crate::policy::{self, Changed, Diagnostics, Policy, Support, Vocabulary, Watcher};

/// Reads the policy anew when it is told to, and when one of its files has changed.
pub(super) struct Reloader {
    path: PathBuf,
    vocabulary: Vocabulary,
    watcher: Option<Watcher>,
    changes: Receiver<Changed>,
    control: Sender<Control>,
    /// How often the file could not be taken.
    failures: u64,
}

impl Reloader {
    /// Watches the files of `policy`, which was read from `path`. Where they cannot be watched, it
    /// says so, and SIGHUP is what is left.
    pub(super) fn new(
        path: PathBuf,
        policy: &Policy,
        vocabulary: Vocabulary,
        control: Sender<Control>,
    ) -> Self {
        let (watcher, changes) = match Watcher::new(&files(policy.diagnostics())) {
            Ok((watcher, changes)) => (Some(watcher), changes),
            Err(error) => {
                log::warn!("{error}: send SIGHUP after a change of the policy");
                (None, channel::never())
            }
        };
        Self { path, vocabulary, watcher, changes, control, failures: 0 }
    }

    /// Reloads whenever it is asked to, until nobody can ask any more.
    pub(super) fn run(mut self, asked: &Receiver<()>) {
        loop {
            select! {
                recv(asked) -> ask => if ask.is_err() { return },
                recv(self.changes) -> change => if change.is_err() { return },
            }
            self.reload();
        }
    }

    /// Takes the file if it is without errors, and waits until all verdicts are of it; keeps the
    /// policy in force otherwise. Either way, what it names now is watched from here on: a list
    /// that was missing may come.
    fn reload(&mut self) {
        let path = self.path.display();
        let (named, result) = match policy::load(&self.path, &self.vocabulary, Support::THIS_BUILD)
        {
            Ok(policy) => (files(policy.diagnostics()), self.enforce(policy)),
            Err(problems) => (files(&problems), Err(anyhow!("\n{}", problems.render(false)))),
        };
        match result {
            Ok((rules, Rejudged { flows, changed })) => log::info!(
                "policy {path} reloaded: {rules} rules; {changed} of {flows} verdicts changed"
            ),
            Err(error) => {
                self.failures += 1;
                let failures = self.failures;
                log::error!(
                    "policy {path} not taken, the one before stays in force (failures so far: \
                     {failures}): {error:#}"
                );
            }
        }
        self.watch(named);
    }

    /// Brings a policy into force; returns how many rules it has, and what came of it.
    fn enforce(&self, policy: Policy) -> Result<(usize, Rejudged)> {
        let rules = policy.rules().len();
        let (done, rejudged) = channel::bounded(1);
        let ended = "the session is ending";
        self.control.send(Control::Policy(Arc::new(policy), done)).context(ended)?;
        Ok((rules, rejudged.recv().context(ended)??))
    }

    fn watch(&mut self, mut named: Vec<PathBuf>) {
        // A policy that could not be read names nothing.
        if !named.contains(&self.path) {
            named.push(self.path.clone());
        }
        if let Some(watcher) = &mut self.watcher
            && let Err(error) = watcher.set_files(&named)
        {
            log::warn!("{error}");
        }
    }
}

/// The policy's own file and the lists it names.
fn files(diagnostics: &Diagnostics) -> Vec<PathBuf> {
    diagnostics.paths().map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use crossbeam::channel::{self, Receiver};

    use super::Reloader;
    use crate::live::{Control, Rejudged};
    use crate::policy::{self, Support, Vocabulary};

    const WAIT: Duration = Duration::from_secs(20);

    fn rules(orders: &Receiver<Control>) -> Vec<String> {
        match orders.recv_timeout(WAIT) {
            Ok(Control::Policy(policy, done)) => {
                done.send(Ok(Rejudged::default())).unwrap();
                policy.rules().iter().map(|rule| rule.name.clone()).collect()
            }
            other => panic!("no policy but {other:?}"),
        }
    }

    fn rule(name: &str, category: &str) -> String {
        format!("[[rule]]\nname = \"{name}\"\ncategory = [\"{category}\"]\naction = \"drop\"\n")
    }

    fn vocabulary() -> Vocabulary {
        Vocabulary {
            apps: [(91, "TLS")].into_iter().collect(),
            categories: [(26, "Video")].into_iter().collect(),
            breeds: std::iter::empty::<(u16, &str)>().collect(),
            risks: std::iter::empty::<(u16, &str)>().collect(),
            risk_scores: [0; 64],
        }
    }

    #[test]
    fn a_change_is_taken_and_a_mistake_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, rule("first", "Video")).unwrap();
        let policy = policy::load(&path, &vocabulary(), Support::THIS_BUILD).unwrap();
        let (control, orders) = channel::unbounded();
        let reloader = Reloader::new(path.clone(), &policy, vocabulary(), control);
        let (ask, asked) = channel::unbounded();
        let thread = std::thread::spawn(move || reloader.run(&asked));

        // Renamed over it, as editors do.
        let other = folder.path().join("other");
        fs::write(&other, rule("second", "Video")).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(rules(&orders), ["second"]);

        // A mistake, which is told by the next thing that comes: the policy after it.
        fs::write(&other, rule("third", "Vidoe")).unwrap();
        fs::rename(&other, &path).unwrap();
        ask.send(()).unwrap();
        fs::write(&other, rule("fourth", "Video")).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(rules(&orders), ["fourth"]);

        drop(ask);
        thread.join().unwrap();
    }
}
