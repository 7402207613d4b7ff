//! Attaches, classifies and enforces, until it is asked to stop: `ndpi-xdp run`.

mod closing;
mod confined;
mod engines;
mod fleet;
mod memory;
mod offers;
mod options;
mod orders;
mod outputs;
mod peers;
mod policy;
mod releasing;
mod reload;
mod service;
mod session;
mod signals;
mod start;
mod status;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use crossbeam::channel::{self, Sender};
use ndpi_events::{BusBuilder, Event as Reported, Losses, Source, Time};
use ndpi_flow::Servers;
use ndpi_kernel::{Clock, Kernel, Waker, check_capabilities, detach_command};
use ndpi_policy::{Policy, Vocabulary};
use ndpi_reject::Rejecter;

use closing::Closing;
use engines::Ndpi;
use ndpi_export::{Couriers, Ending, Format, LogSink, RecordSink, Reopen, standard_output};
pub(crate) use options::Options;
pub(crate) use peers::{Pair, interfaces};
use policy::Readers;
use releasing::Releasing;
use reload::{Reloader, Reloads};
use service::ServiceManager;
use session::Outside;

use crate::apart::{Keeper, Watch};
use crate::courier;
use crate::enforce::KernelBlocklist;
use crate::fleet::Following;
use crate::hosts::HostBook;
use crate::interfaces::{Attacher, Roster};
use crate::live::{Crowding, Halves, Shared, Summary, Suspects};
use crate::logging;
use crate::metrics;
use crate::policy_files::PolicyFiles;
use crate::record::Names;
use crate::releases::KeptFile;
use crate::snapshot::{self, Board, Maps, Observer, Sources};

/// How long the last event of a session waits for room in a queue.
const LAST_EVENT_WAIT: Duration = Duration::from_secs(2);

/// What the report of a dry run begins with.
const DRY_RUN: &str = "a dry run: nothing was dropped; what would have been is counted as such\n\n";

impl Options {
    /// Runs until SIGINT or SIGTERM.
    ///
    /// # Errors
    ///
    /// Whatever kept it from starting, or ended it early. Nothing stays attached but, where it did not start, what
    /// an earlier instance has left, and with `keep` what is to stay.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        // First, since nothing works without, and what else is missing may be for want of rights.
        check_capabilities()?;
        let Ndpi { library, vocabulary, names, engines, keeper } = self.ndpi()?;
        let (readers, couriers, following) = self.bound_rights(&vocabulary)?;
        let files = PolicyFiles::as_they_are();
        let policy = self.read_policy(&vocabulary, &files, &readers);
        let Some(policy) = policy else { return Ok(ExitCode::FAILURE) };

        let ((control, orders), (reload, asked)) = (channel::unbounded(), channel::unbounded());
        let reload = self.policy.is_some().then_some(reload);
        // Dropped after `kernel` where this ends early.
        let (here, left) = channel::bounded(0);
        let mut here = Some(here);
        let (reopen, reloads) = (Reopen::default(), Reloads::default());
        signals::listen(control.clone(), reload.clone(), reopen.clone(), left)
            .context("cannot listen for signals")?;
        if signals::is_stopping(&orders) {
            return Ok(ExitCode::SUCCESS);
        }
        let outputs = outputs::prepared(&self.outputs, couriers, &vocabulary)?;
        let metrics = self.metrics.map(metrics::Listener::bind).transpose()?;
        // All that can fail comes before anything is attached: an earlier instance may have left what is in force.
        let mut attacher = Attacher::new(self.interfaces.clone())?;
        let mut kernel = self.load_and_confine()?;
        let (memory, memory_watch) = self.memory(keeper.as_ref(), &readers)?;
        let mut bus = BusBuilder::default();
        let messages = LogSink::start(&mut bus);
        let observed = snapshot::subscribe(&mut bus);
        let hosts = HostBook::start(&mut bus, self.plan.settings.max_flows * self.workers);
        let records = self.format.start(&mut bus, standard_output()?);
        let outputs = outputs::start(outputs, &mut bus, &reopen)?;
        let bus = bus.build(Time::now());
        let board: Arc<Board> = Arc::default();
        let seen = (Arc::clone(&board), bus.source("releases"));
        let (releases, with_releases) = self.releases(&kernel, (&policy, &vocabulary), seen);
        let mut source = bus.source("session");
        let shared = Shared {
            names: Arc::new(names),
            interfaces: attacher.roster().clone(),
            crowding: Arc::new(Crowding::new(bus.source("tables"))),
            memory,
            halves: Arc::new(Halves::new(attacher.roster().clone(), bus.source("directions"))),
            suspects: Arc::new(Suspects::new(bus.source("suspects"))),
            bus,
            board,
            writers: outputs::writers(&records, &outputs),
            rejecter: self.rejecter(&policy)?,
            instance: self.instance.as_str().into(),
            dry_run: self.is_dry_run(),
            active_timeout: self.active_timeout,
            servers: servers(&kernel, &with_releases),
        };
        let sinks = outputs::sinks(&records, &messages, &hosts, &outputs);
        let sources = sources(&shared, sinks, (keeper.as_ref(), following.as_ref()));
        let observer = Observer::new(self.facts(&library), maps(&kernel), sources, observed);
        let (observer, _observing) = observing(observer)?;
        let watch = engines::watch(keeper.as_ref(), &readers, &control)?;
        let metrics = answer(metrics, &observer)?;
        let waker = Waker::new().context("cannot watch the interfaces")?;
        // Loading takes a while, in which somebody may have thought better of it.
        if signals::is_stopping(&orders) {
            return Ok(ExitCode::SUCCESS);
        }
        let (in_force, attachments) = start::attach(&mut kernel, &mut attacher, with_releases)?;
        fleet::listen(following.as_ref(), reload.clone())?;
        let server = (orders::listen(&kernel, reload, observer, hosts), metrics);
        source.publish(Time::now(), Reported::Status(self.status(&library, &attachments)));
        if let Some(path) = self.policy.clone() {
            let named = files.named();
            let known = (vocabulary, attacher.roster().clone(), readers);
            let reported = (reloads.clone(), shared.bus.source("policy"));
            let read = (policy, releases.announced(), &*named);
            let reloader = Reloader::new(path, read, known, control.clone(), reported);
            thread::spawn(move || reloader.run(&asked));
        }
        let ended = self.session(
            &mut kernel,
            engines,
            in_force,
            (attacher, waker, ServiceManager::of_environment()),
            (&shared, memory_watch),
            Outside { control: &control, orders: &orders, server, here: &mut here },
        );
        if self.keep {
            kernel.leave();
        }
        // What was published until now is said before what comes of it.
        messages.finish();
        let result = ended.result.and(watch.map_or(Ok(()), Watch::end));
        let _ = result.as_ref().inspect_err(|error| log::error!("{error:#}"));
        let closing = Closing::read(kernel, reloads.read(), records.losses().lost())?;
        let last = closing.event(&ended.summary, &ended.stalls);
        source.publish_last(Time::now(), Reported::Status(last), LAST_EVENT_WAIT);
        let endings = outputs::end(outputs);
        let report = self.report(&ended.summary, &shared.names, &closing, &endings);
        let whole = self.ended(records, &report) && !endings.iter().any(Ending::is_failure);
        self.say_kept(&shared.interfaces);
        Ok(ExitCode::from(u8::from(result.is_err() || !whole)))
    }

    /// Has this process keep the capabilities that it needs, and starts what reads policies and what speaks to servers
    /// before: as another user, whose start needs one that is not kept. To be called when the processes of nDPI are there, which are to have none
    /// of its sockets.
    fn bound_rights(
        &self,
        vocabulary: &Vocabulary,
    ) -> Result<(Readers, Couriers, Option<Following>)> {
        let readers = self.policy_readers(vocabulary)?;
        let couriers = Couriers::start(&self.outputs, &self.instance, courier::start_courier)?;
        let start = |source| Following::start(source, &self.instance, courier::start_follower);
        let following = self.policy_from.as_ref().map(start).transpose()?;
        self.bound_capabilities();
        logging::to_journal(&self.instance);
        Ok((readers, couriers, following))
    }

    /// What an earlier instance has released and is not over, and the policy with it. Without a policy there is
    /// nothing to release.
    fn releases(
        &self,
        kernel: &Kernel,
        known: (&Arc<Policy>, &Vocabulary),
        seen: (Arc<Board>, Source),
    ) -> (Releasing, Arc<Policy>) {
        let path = self.policy.as_ref().and_then(|_| kernel.kept_path("releases"));
        Releasing::of_earlier(KeptFile::at(path), known, seen)
    }

    /// Who tells the ends of rejected flows: nobody where nothing is dropped.
    fn rejecter(&self, policy: &Policy) -> Result<Option<Arc<Rejecter>>> {
        if self.is_dry_run() { Ok(None) } else { rejecter(policy) }
    }

    /// What there is to say at the end, which goes out behind the last record.
    fn report(
        &self,
        summary: &Summary,
        names: &Names,
        closing: &Closing,
        endings: &[Ending],
    ) -> String {
        let (table, leaks, samples) = (summary.table(names), summary.leaks(), summary.samples());
        let lossy = endings.iter().filter(|ending| ending.lost > 0);
        let lost: Vec<_> = lossy.map(|ending| format!("\n{ending}\n")).collect();
        let dry = if self.is_dry_run() { DRY_RUN } else { "" };
        format!("\n{dry}{table}{leaks}{samples}{}\n{closing}{}", summary.times(), lost.concat())
    }

    /// Ends the writing of records, says how that ended, and the report where it did not come with them; whether no
    /// error kept any from being written.
    fn ended(&self, records: RecordSink, report: &str) -> bool {
        let is_text = matches!(self.format, Format::Text { .. });
        let ending = records.finish(is_text.then(|| report.to_owned()));
        if ending.lost > 0 {
            log::warn!("{ending}");
        }
        if !is_text || ending.closed || ending.cut {
            logging::say(report);
        }
        !ending.is_failure()
    }

    /// Says what is enforced from here on, where and how that ends (`--keep`).
    fn say_kept(&self, interfaces: &Roster) {
        if !self.keep {
            return;
        }
        let on = match interfaces.attached() {
            none if none.is_empty() => "no interface".to_owned(),
            some => some.join(", "),
        };
        let end_it = self.load.pin_directory.as_deref().map(detach_command).unwrap_or_default();
        logging::say(&format!(
            "left in place on {on}: what was decided is enforced without a process. Start again to go on from \
             there, or end that: {end_it}\n"
        ));
    }
}

/// What of the kernel side is looked at for snapshots.
fn maps(kernel: &Kernel) -> Maps {
    let (stats, lost_frames) = (kernel.stats().clone(), kernel.lost_frames().clone());
    let ring_losses = kernel.ring_losses().clone();
    Maps { stats, ring_losses, lost_frames, live: kernel.live().clone() }
}

/// Has it look every second, until what comes with it is dropped.
fn observing(observer: Observer) -> Result<(Arc<Observer>, Sender<()>)> {
    let (observer, (observing, until)) = (Arc::new(observer), channel::bounded(0));
    observer.look_every_second(until).context("cannot start a thread")?;
    Ok((observer, observing))
}

/// Answers whoever asks for metrics, where that is wanted.
fn answer(
    listener: Option<metrics::Listener>,
    observer: &Arc<Observer>,
) -> Result<Option<metrics::Server>> {
    let (Some(listener), observer) = (listener, Arc::clone(observer)) else { return Ok(None) };
    let address = listener.address().context("cannot listen for whoever asks for metrics")?;
    let server = metrics::Server::start(listener, move || observer.snapshot());
    let server = server.context("cannot start a thread")?;
    log::info!("metrics are at http://{address}/metrics");
    Ok(Some(server))
}

/// What is looked at besides.
fn sources(
    shared: &Shared,
    sinks: Vec<(String, Losses)>,
    (keeper, following): (Option<&Keeper>, Option<&Following>),
) -> Sources {
    Sources {
        board: Arc::clone(&shared.board),
        interfaces: shared.interfaces.clone(),
        names: Arc::clone(&shared.names),
        sinks,
        memory: Arc::clone(&shared.memory),
        ndpi_process: keeper.map(Keeper::gauge),
        policy_origin: following.map(Following::link),
    }
}

/// What is remembered of servers, blocked in the kernel.
fn servers(kernel: &Kernel, policy: &Arc<Policy>) -> Arc<Servers> {
    let blocklist = KernelBlocklist::new(kernel, Clock::new());
    Arc::new(Servers::new(Arc::clone(policy), Box::new(blocklist)))
}

/// Who tells the ends of rejected flows. Only a policy that rejects needs the right to do so from the
/// start.
fn rejecter(policy: &Policy) -> Result<Option<Arc<Rejecter>>> {
    let mut actions =
        policy.rules().iter().map(|rule| rule.action).chain([policy.default_action()]);
    let rejects = actions.any(|action| action == ndpi_policy::Action::Reject);
    match Rejecter::open(ndpi_reject::Settings::default()) {
        Ok(rejecter) => Ok(Some(Arc::new(rejecter))),
        Err(error) if rejects => Err(error.into()),
        Err(error) => {
            let error = anyhow::Error::from(error);
            log::warn!("{error:#}; a policy with `reject`, loaded later, will only drop");
            Ok(None)
        }
    }
}
