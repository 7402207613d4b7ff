//! A policy that changes while it is in force.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use crossbeam::channel::{self, Receiver, Sender, select};
use ndpi_events::{Event, Offered, ReloadResult, Reloaded, Source, Time};
use ndpi_policy::{Diagnostics, Files, InForce, Policy, Vocabulary};
use ndpi_text::shown;

use super::policy::Readers;
use super::releasing::{Change, Order, Releasing, with};
use crate::control::{ReleaseResult, Reload};
use crate::fleet::Offer;
use crate::interfaces::Roster;
use crate::live::{Control, Rejudged};
use crate::memory::trim;
use crate::policy_files::{Changed, Named, PolicyFiles, Watcher, without_private_lines};

/// Asks for another policy; who wants to receive the result says where.
pub(super) enum Ask {
    /// The policy's file is to be read again.
    Reload(Option<Sender<Reload>>),
    /// The fleet's policy is another one.
    Offer(Offer),
    /// Something is to pass for a time, or no longer.
    Release(Order, Sender<Result<ReleaseResult, String>>),
}

/// How often it is looked for what ends by itself, at most and at least: clocks may be set.
const LOOK: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Of how many bytes a policy is that has taken memory worth giving back: it takes some times as much.
const HEAVY: usize = 1 << 20;

/// How long threads are given to let go of a policy that is in force no longer.
const LET_GO: Duration = Duration::from_secs(1);

/// How often the policy was reloaded.
#[derive(Clone, Debug, Default)]
pub(super) struct Reloads(Arc<[AtomicU64; 2]>);

impl Reloads {
    /// How often it was taken, and how often not.
    pub(super) fn read(&self) -> (u64, u64) {
        let [taken, failed] = self.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        (taken, failed)
    }

    fn count(&self, taken: bool) {
        let [yes, no] = &*self.0;
        (if taken { yes } else { no }).fetch_add(1, Ordering::Relaxed);
    }
}

/// Reloads the policy when it is asked to, and when one of its files has changed.
pub(super) struct Reloader {
    pub(super) path: PathBuf,
    /// The policy in force, without what is released from it.
    pub(super) policy: Arc<Policy>,
    /// Whether it is what the file says, as far as that was read.
    pub(super) is_of_file: bool,
    releases: Releasing,
    readers: Readers,
    /// How many bytes were read of the policy in force.
    weight: usize,
    /// When memory is to be given back.
    trim_at: Option<Instant>,
    pub(super) vocabulary: Vocabulary,
    interfaces: Roster,
    watcher: Option<Watcher>,
    changes: Receiver<Changed>,
    control: Sender<Control>,
    reloads: Reloads,
    source: Source,
    /// The problems that were reported the last time.
    said: Said,
    /// Why what is released no longer has not ended.
    unended: Said,
}

/// What was said of the policy last, so that it is not said twice: a mistake stays until it is mended, and
/// a watcher, SIGHUP and `policy reload` may all find it.
#[derive(Debug, Default)]
struct Said(String);

impl Said {
    /// Whether this is something else than what was said last. Nothing is not worth saying.
    fn is_new(&mut self, problems: &str) -> bool {
        let is_new = !problems.is_empty() && self.0 != problems;
        problems.clone_into(&mut self.0);
        is_new
    }
}

impl Reloader {
    /// Watches the files of `policy`, which was read from `path` and what else it names. Where they cannot be watched, it
    /// says so, and asking is what is left.
    pub(super) fn new(
        path: PathBuf,
        (policy, releases, named): (Arc<Policy>, Releasing, &[Named]),
        (vocabulary, interfaces, readers): (Vocabulary, Roster, Readers),
        control: Sender<Control>,
        (reloads, source): (Reloads, Source),
    ) -> Self {
        let (watcher, changes) = match Watcher::new(named) {
            Ok((watcher, changes)) => (Some(watcher), changes),
            Err(error) => {
                log::warn!("{error}: after a change of the policy: ndpi-xdp policy reload");
                (None, channel::never())
            }
        };
        let problems = without_private_lines(policy.diagnostics().clone()).render(false);
        let said = Said(problems);
        Self {
            path,
            policy,
            is_of_file: true,
            releases,
            readers,
            weight: usize::MAX,
            trim_at: None,
            vocabulary,
            interfaces,
            watcher,
            changes,
            control,
            reloads,
            source,
            said,
            unended: Said::default(),
        }
    }

    /// Reloads whenever it is asked to, until nobody can ask any more.
    pub(super) fn run(mut self, asked: &Receiver<Ask>) {
        loop {
            let over = self.releases.next_end().map(|left| left.clamp(LOOK[0], LOOK[1]));
            let over = over.map_or_else(channel::never, channel::after);
            let trimming = self.trim_at.map_or_else(channel::never, channel::at);
            let ask = select! {
                recv(asked) -> ask => match ask {
                    Ok(ask) => ask,
                    Err(_) => return,
                },
                recv(self.changes) -> change => match change {
                    Ok(_) => Ask::Reload(None),
                    Err(_) => return,
                },
                recv(trimming) -> _ => {
                    // The C library would keep what was freed for this thread's next policy.
                    self.trim_at = None;
                    trim();
                    continue;
                }
                recv(over) -> _ => {
                    self.end_releases();
                    continue;
                }
            };
            // Whoever asked may have gone.
            match ask {
                Ask::Reload(None) => drop(self.reload_or_report()),
                Ask::Reload(Some(tell)) => drop(tell.send(self.reload_or_report())),
                Ask::Offer(offer) => drop(offer.tell.send(self.take_offer(&offer))),
                Ask::Release(order, tell) => drop(tell.send(self.release(&order))),
            }
        }
    }

    /// Has something pass, or no longer, and waits until all verdicts say so.
    fn release(&mut self, order: &Order) -> Result<ReleaseResult, String> {
        let change = self.releases.by_order(order).map_err(|error| error.to_string())?;
        let result = self.enforce_releases(change).map_err(|error| format!("{error:#}"))?;
        result.ok_or_else(|| "nothing came of it".into())
    }

    /// Ends what is released no longer. Where the kernel does not take it, it is tried again.
    fn end_releases(&mut self) {
        let Some(change) = self.releases.by_time() else { return };
        let failed = self.enforce_releases(change).err();
        let why = failed.map(|error| format!("{error:#}")).unwrap_or_default();
        if self.unended.is_new(&why) {
            log::error!("a release that is over has not ended yet, and it is tried again: {why}");
        }
    }

    fn enforce_releases(&mut self, change: Change) -> Result<Option<ReleaseResult>> {
        let policy = with(&self.policy, &change.book, &self.vocabulary)?;
        let rejudged = self.judge_again(policy)?;
        Ok(self.releases.take(change, rejudged))
    }

    /// Reloads, and reports what came of it. A fault of ours must not end reloading for good.
    fn reload_or_report(&mut self) -> Reload {
        let reload = self.guarded(Self::reload);
        self.finish(&reload, None);
        reload
    }

    /// What `task` comes to; a report of its failure where that is by a fault of ours.
    pub(super) fn guarded(&mut self, task: impl FnOnce(&mut Self) -> Reload) -> Reload {
        catch_unwind(AssertUnwindSafe(|| task(self))).unwrap_or_else(|_| {
            let error = "reading it failed by a fault of ndpi-xdp, see its log".to_owned();
            Reload { error: Some(error), ..self.report(&Diagnostics::default()) }
        })
    }

    /// Counts a reload and reports it.
    pub(super) fn finish(&mut self, reload: &Reload, offered: Option<&Offered>) -> Reloaded {
        self.reloads.count(reload.result.taken);
        self.say(reload, offered)
    }

    /// Takes the file if it is without errors, and waits until all verdicts are of it; keeps the
    /// policy in force otherwise. Either way, what it names now is watched from here on: a list
    /// that was missing may come.
    pub(super) fn reload(&mut self) -> Reload {
        let files = PolicyFiles::left_alone();
        let reload = match self.read(&files) {
            Err(refused) => *refused,
            Ok(Ok(policy)) => {
                let policy = Arc::new(policy);
                let reload = self.enforce(&policy);
                if reload.result.taken {
                    self.policy = policy;
                }
                reload
            }
            Ok(Err(problems)) => self.report(&problems),
        };
        self.is_of_file = reload.result.taken;
        if reload.result.taken && mem::replace(&mut self.weight, files.bytes()) >= HEAVY {
            self.trim_at = Some(Instant::now() + LET_GO);
        }
        self.watch(&files.named());
        reload
    }

    /// Reads the policy at its path, from these files.
    ///
    /// # Errors
    /// A report that nobody can read it.
    pub(super) fn read(
        &self,
        files: &dyn Files,
    ) -> Result<Result<Policy, Diagnostics>, Box<Reload>> {
        let before = InForce::of(&self.policy);
        self.readers.read(&self.path, Some(before), &self.vocabulary, files).map_err(|why| {
            let report = self.report(&Diagnostics::default());
            Box::new(Reload { error: Some(why), ..report })
        })
    }

    /// Brings a policy into force, with what is released from it.
    fn enforce(&self, policy: &Arc<Policy>) -> Reload {
        let report = self.report(policy.diagnostics());
        let released = self.releases.over(policy, &self.vocabulary);
        match released.and_then(|policy| self.judge_again(policy)) {
            Ok(Rejudged { flows, changed }) => {
                let result = ReloadResult {
                    taken: true,
                    rules: Some(policy.rules().len() as u64),
                    flows: Some(flows),
                    changed: Some(changed),
                    unenforced: self.interfaces.unenforced(),
                    ..report.result
                };
                Reload { result, ..report }
            }
            Err(error) => Reload { error: Some(format!("{error:#}")), ..report },
        }
    }

    /// Returns when every verdict is one of `policy`.
    fn judge_again(&self, policy: Arc<Policy>) -> Result<Rejudged> {
        let (done, rejudged) = channel::bounded(1);
        let ended = "the session is ending";
        self.control.send(Control::Policy(policy, done)).context(ended)?;
        rejudged.recv().context(ended)?
    }

    /// The report on a policy that was read and is not in force.
    pub(super) fn report(&self, problems: &Diagnostics) -> Reload {
        let problems = without_private_lines(problems.clone());
        let policy = shown(&self.path).to_string();
        Reload {
            result: ReloadResult { policy, ..ReloadResult::default() },
            problems: problems.to_json(),
            error: None,
            text: problems.render(false),
        }
    }

    fn say(&mut self, reload: &Reload, offered: Option<&Offered>) -> Reloaded {
        let problems = reload.error.as_ref().unwrap_or(&reload.text);
        let is_new = self.said.is_new(problems);
        let time = Time::now();
        let reloaded = Reloaded {
            time,
            result: reload.result.clone(),
            problems: problems.clone(),
            repeated: !is_new && !problems.is_empty(),
            offered: offered.cloned(),
            failures: self.reloads.read().1,
        };
        self.source.publish(time, Event::Reloaded(reloaded.clone()));
        reloaded
    }

    pub(super) fn watch(&mut self, named: &[Named]) {
        if let Some(watcher) = &mut self.watcher
            && let Err(error) = watcher.set_files(named)
        {
            log::warn!("{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use ndpi_policy::Support;

    use super::*;
    use crate::releases::KeptFile;
    use crate::testing::bus;

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
            ..Vocabulary::default()
        }
    }

    fn load(path: &Path) -> (Result<Policy, Diagnostics>, Vec<Named>) {
        let files = PolicyFiles::as_they_are();
        let loaded = ndpi_policy::load(path, &vocabulary(), Support::THIS_BUILD, &files);
        (loaded, files.named())
    }

    fn nothing_released(policy: &Arc<Policy>) -> Releasing {
        let reported = (Arc::default(), bus().0.source("releases"));
        Releasing::of_earlier(KeptFile::at(None), (policy, &vocabulary()), reported).0
    }

    #[test]
    fn a_change_is_taken_and_a_mistake_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, rule("first", "Video")).unwrap();
        let (policy, named) = load(&path);
        let policy = Arc::new(policy.unwrap());
        let (control, orders) = channel::unbounded();
        let reloads = Reloads::default();
        let reloader = Reloader::new(
            path.clone(),
            (Arc::clone(&policy), nothing_released(&policy), &named),
            (vocabulary(), Roster::default(), Readers::Here),
            control,
            (reloads.clone(), bus().0.source("policy")),
        );
        let (ask, asked) = channel::unbounded();
        let thread = std::thread::spawn(move || reloader.run(&asked));

        // Renamed over it, as editors do.
        let other = folder.path().join("other");
        fs::write(&other, rule("second", "Video")).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(rules(&orders), ["second"]);

        // A mistake, which is found out by the next thing that comes: the policy after it.
        fs::write(&other, rule("third", "Vidoe")).unwrap();
        fs::rename(&other, &path).unwrap();
        let (tell, told) = channel::bounded(1);
        ask.send(Ask::Reload(Some(tell))).unwrap();
        let refused = told.recv_timeout(WAIT).unwrap();
        assert!(!refused.result.taken && refused.text.contains("did you mean"), "{refused:?}");
        assert_eq!(refused.problems[0]["severity"], "error");
        fs::write(&other, rule("fourth", "Video")).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(rules(&orders), ["fourth"]);

        drop(ask);
        thread.join().unwrap();
        let (taken, failed) = reloads.read();
        assert!(taken >= 2 && failed >= 1, "{taken}, {failed}");
    }

    #[test]
    fn whoever_asks_hears_what_came_of_it_when_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        let list = "[[rule]]\nname = \"first\"\ndst = \"198.18.4.1/24\"\naction = \"drop\"\n";
        fs::write(&path, list).unwrap();
        let (policy, named) = load(&path);
        let policy = Arc::new(policy.unwrap());
        let (control, orders) = channel::unbounded();
        let reloader = Reloader::new(
            path.clone(),
            (Arc::clone(&policy), nothing_released(&policy), &named),
            (vocabulary(), Roster::default(), Readers::Here),
            control,
            (Reloads::default(), bus().0.source("policy")),
        );
        let (ask, asked) = channel::unbounded();
        let thread = std::thread::spawn(move || reloader.run(&asked));
        let (tell, told) = channel::bounded(1);
        for result in [Ok(Rejudged { flows: 7, changed: 3 }), Err(anyhow::anyhow!("no room"))] {
            ask.send(Ask::Reload(Some(tell.clone()))).unwrap();
            let Ok(Control::Policy(_, done)) = orders.recv_timeout(WAIT) else { panic!() };
            assert!(told.is_empty(), "not before every verdict is of the new policy");
            let good = result.is_ok();
            done.send(result).unwrap();
            let reload = told.recv_timeout(WAIT).unwrap();
            assert_eq!(reload.result.taken, good);
            assert_eq!(reload.result.changed, good.then_some(3));
            assert_eq!(reload.error.is_some(), !good);
            assert_eq!(reload.problems.as_array().map(Vec::len), Some(1), "{reload:?}");
        }
        drop(ask);
        thread.join().unwrap();
    }

    #[test]
    fn a_mistake_is_said_once_until_there_is_another() {
        let mut said = Said::default();
        let said: Vec<bool> =
            ["", "one", "one", "two", "one", "", "one"].map(|text| said.is_new(text)).into();
        assert_eq!(said, [false, true, false, true, true, false, true]);
    }

    #[test]
    fn lines_of_files_that_not_everybody_may_read_are_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let (path, list) = (folder.path().join("policy.toml"), folder.path().join("list"));
        fs::write(&list, "# one line\nse cret\n").unwrap();
        let text = "[[rule]]\nhost = { file = \"list\" }\naction = \"drop\"\n";
        fs::write(&path, text).unwrap();
        let problems = || without_private_lines(load(&path).0.unwrap_err());
        assert!(problems().render(false).contains("cret"));
        fs::set_permissions(&list, fs::Permissions::from_mode(0o640)).unwrap();
        let problems = problems();
        let (text, json) = (problems.render(false), problems.to_json().to_string());
        for said in [&text, &json] {
            assert!(!said.contains("cret") && said.contains("list:2:"), "{said}");
        }
    }
}
