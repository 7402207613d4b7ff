//! Attaches, classifies and enforces, until it is asked to stop: `ndpi-xdp run`.

mod closing;
mod options;
mod orders;
mod peers;
mod reload;
mod signals;

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use crossbeam::channel::{self, Receiver, Sender};
use ndpi::{Engine, Library};
use ndpi_events::{Attached, BusBuilder, Event as Reported, Running, Source, Status, Time};

use closing::Closing;
use ndpi_flow::Servers;
use ndpi_kernel::{Attachment, Clock, Egress, Kernel, Mode, Waker, check_capabilities, ktime_ns};
use ndpi_policy::{Diagnostics, Policy, Support, Vocabulary};
use ndpi_text::shown;
pub(crate) use options::Options;
use orders::Orders;
pub(crate) use peers::{Pair, interfaces};
use reload::{Reloader, Reloads};

use crate::enforce::{ActivePolicy, KernelBlocklist, KernelRules, KernelStore, PolicyInstaller};
use crate::export::{Ending, Format, LineSink, LogSink};
use crate::interfaces::{Attacher, Event};
use crate::live::{self, Control, Crowding, Ended, Halves, KernelParts, Shared, Summary};
use crate::logging;
use crate::policy_files::{PolicyFiles, without_private_lines};
use crate::record::{Names, interface_event};
use crate::reject::{self, Rejecter};

/// How long the last event of a session waits for room in a queue.
const LAST_EVENT_WAIT: Duration = Duration::from_secs(2);

impl Options {
    /// Runs until SIGINT or SIGTERM.
    ///
    /// # Errors
    ///
    /// Whatever kept it from starting, or ended it early. Nothing stays attached.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        // First, since nothing works without, and what else is missing may be for want of rights.
        check_capabilities()?;
        let library = self.engine.library()?;
        let engines = self.engines(&library)?;
        let vocabulary = Vocabulary::of(&engines[0]);
        let files = PolicyFiles::as_they_are();
        let policy = self.read_policy(&vocabulary, &files);
        let Some(policy) = policy else { return Ok(ExitCode::FAILURE) };

        let (control, orders) = channel::unbounded();
        let (reload, asked) = channel::unbounded();
        let reload = self.policy.is_some().then_some(reload);
        // Dropped after `kernel` where this ends early.
        let (here, left) = channel::bounded(0);
        let mut here = Some(here);
        signals::listen(control.clone(), reload.clone(), left)
            .context("cannot listen for signals")?;
        if signals::is_stopping(&orders) {
            return Ok(ExitCode::SUCCESS);
        }
        let mut kernel = Kernel::load(&self.load)?;
        let mut installer = PolicyInstaller::new(KernelRules::new(&kernel));
        let in_force = installer.install(Arc::clone(&policy), ktime_ns())?;
        // Loading takes a while, in which somebody may have thought better of it.
        if signals::is_stopping(&orders) {
            return Ok(ExitCode::SUCCESS);
        }
        let (attacher, attachments) = Attacher::start(&mut kernel, self.interfaces.clone())?;

        let server = orders::listen(&kernel, reload);
        let mut bus = BusBuilder::default();
        let messages = LogSink::start(&mut bus);
        let records = self.format.start(&mut bus, standard_output()?);
        let bus = bus.build(Time::now());
        let mut source = bus.source("session");
        source.publish(Time::now(), Reported::Status(self.status(&library, &attachments)));
        let shared = Shared {
            names: Arc::new(Names::of(&engines[0])),
            interfaces: attacher.roster().clone(),
            crowding: Arc::new(Crowding::new(bus.source("tables"))),
            halves: Arc::new(Halves::new(attacher.roster().clone(), bus.source("directions"))),
            bus,
            lost_records: records.losses().clone(),
            rejecter: rejecter(&policy)?,
            servers: servers(&kernel, &policy),
        };
        let names = Arc::clone(&shared.names);
        let reloads = Reloads::default();
        if let Some(path) = self.policy.clone() {
            let unenforced = attacher.roster().clone();
            let reloader = Reloader::new(
                path,
                (&policy, &files.named()),
                (vocabulary, unenforced),
                control.clone(),
                (reloads.clone(), shared.bus.source("policy")),
            );
            thread::spawn(move || reloader.run(&asked));
        }
        let ended = self.session(
            &mut kernel,
            engines,
            (installer, in_force),
            attacher,
            &shared,
            Outside { control: &control, orders: &orders, server, here: &mut here },
        )?;
        // What was published until now is said before what comes of it.
        messages.finish();
        if let Err(error) = &ended.result {
            log::error!("{error:#}");
        }
        let closing = Closing::read(&kernel, reloads.read(), records.losses().lost());
        drop(kernel);
        let closing = closing?;
        let report = report(&ended.summary, &names, &closing);
        let left = (ended.summary.left_out(), ended.summary.queue_full());
        let last = closing.event(left, ended.summary.times());
        source.publish_last(Time::now(), Reported::Status(last), LAST_EVENT_WAIT);
        let code = self.ended(records, &report);
        Ok(if ended.result.is_ok() { code } else { ExitCode::FAILURE })
    }

    /// Ends the writing of records, says how that ended, and the report where it did not come with them.
    fn ended(&self, records: LineSink, report: &str) -> ExitCode {
        let ending = records.finish((self.format != Format::Json).then(|| report.to_owned()));
        let Ending { lost, closed, cut, failure } = &ending;
        if *lost > 0 {
            log::warn!("{ending}");
        }
        if self.format == Format::Json || *closed || *cut {
            logging::say(report);
        }
        if *cut && failure.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// From the first sample to the last record. Whoever reads the records may keep this process waiting
    /// a little, but not what it has in the kernel: that goes first. Gives what was seen, and why it ended
    /// if nobody asked it to.
    fn session(
        &self,
        kernel: &mut Kernel,
        engines: Vec<Engine>,
        (installer, policy): (PolicyInstaller<KernelRules>, ActivePolicy),
        attacher: Attacher,
        shared: &Shared,
        Outside { control, orders, server, here }: Outside<'_>,
    ) -> Result<Ended> {
        let clock = Clock::new();
        let mut rings = kernel.take_rings().context("the rings were taken before")?;
        rings.set_coalescing(self.coalesce);
        let parts = KernelParts {
            rings,
            stats: kernel.stats().clone(),
            lost_frames: kernel.lost_frames().clone(),
            store: KernelStore::new(kernel, clock.clone()),
            verdicts: kernel.verdicts().clone(),
            live: kernel.live().clone(),
            installer,
            clock,
        };
        let waker = Waker::new().context("cannot watch the interfaces")?;
        let end = || drop(control.send(Control::Stop));
        Ok(thread::scope(|scope| {
            // However it ends, the thread that watches is not to be waited for in vain.
            let (waker, woken) = (&waker, OnDrop(|| waker.wake()));
            let mut source = shared.bus.source("interfaces");
            let say = move |event: &Event| self.note(event, &mut source);
            let watching = scope.spawn(move || {
                // Without it, nobody would attach to what returns.
                let _ended = OnDrop(end);
                let reason = attacher.run(kernel, waker, say, end);
                (reason, kernel)
            });
            let mut reason = None;
            let ended = live::run(parts, &self.plan, engines, policy, shared, orders, || {
                waker.wake();
                let Ok((why, kernel)) = watching.join() else {
                    reason = Some("watching the interfaces failed".into());
                    return;
                };
                reason = why;
                // The socket is beside the lock, and another instance's as soon as that is free.
                drop(server);
                kernel.retire();
                *here = None;
            });
            drop(woken);
            let Some(reason) = reason else { return ended };
            Ended { result: ended.result.and(Err(anyhow!(reason))), ..ended }
        }))
    }

    /// One engine for each worker. They share what they learn of peers: the DNS answer that gives a
    /// server its name is another flow, and may be another worker's.
    fn engines(&self, library: &Library) -> Result<Vec<Engine>> {
        if self.workers == 1 {
            return Ok(vec![self.engine.engine(library)?]);
        }
        let caches = library.shared_caches()?;
        (0..self.workers).map(|_| self.engine.sharing_engine(&caches)).collect()
    }

    /// The policy; `None` when its problems were printed.
    fn read_policy(&self, vocabulary: &Vocabulary, files: &PolicyFiles) -> Option<Arc<Policy>> {
        let Some(path) = &self.policy else {
            let policy = ndpi_policy::parse(
                "(no policy)".as_ref(),
                "default = \"count\"\n",
                vocabulary,
                Support::THIS_BUILD,
                &|_| Err(io::ErrorKind::NotFound.into()),
            );
            return policy.ok().map(Arc::new);
        };
        match ndpi_policy::load(path, vocabulary, Support::THIS_BUILD, files) {
            Ok(policy) => {
                Self::say_problems(policy.diagnostics());
                Some(Arc::new(policy))
            }
            Err(diagnostics) => {
                Self::say_problems(&diagnostics);
                None
            }
        }
    }

    /// Says what is wrong with a policy, but nothing of what not everybody may read.
    fn say_problems(diagnostics: &Diagnostics) {
        if !diagnostics.problems().is_empty() {
            let diagnostics = without_private_lines(diagnostics.clone());
            logging::say(&format!("{}\n", diagnostics.render(false)));
        }
    }

    /// How the programs are on an interface, for records.
    fn attached(&self, attachment: &Attachment) -> Attached {
        let Attachment { interface, index, ingress, egress, .. } = attachment;
        let ingress = ingress.map(|mode| match mode {
            Mode::Generic => "xdp-generic".into(),
            _ => "xdp-native".into(),
        });
        let egress = if *egress == Some(Egress::Clsact) { "clsact" } else { "tcx" };
        let peer = peers::peer_of(interface, &self.interfaces.pairs).map(str::to_owned);
        Attached { iface: interface.clone(), ifindex: *index, ingress, egress: egress.into(), peer }
    }

    /// Reports what happened to an interface.
    fn note(&self, event: &Event, source: &mut Source) {
        let attached = match event {
            Event::Attached { attachment, .. } => Some(self.attached(attachment)),
            _ => None,
        };
        let now = Time::now();
        source.publish(now, Reported::Status(interface_event(now, event, attached)));
    }

    fn status(&self, library: &Library, attachments: &[Attachment]) -> Status {
        Status::Running(Running {
            time: Time::now(),
            version: env!("CARGO_PKG_VERSION").into(),
            ndpi: library.revision(),
            policy: self.policy.as_ref().map(|path| shown(path).to_string()),
            attached: attachments.iter().map(|it| self.attached(it)).collect(),
        })
    }
}

/// Standard output without a buffer of its own, so that what was written is known.
fn standard_output() -> Result<File> {
    let output = io::stdout().as_fd().try_clone_to_owned();
    Ok(output.context("cannot write to standard output")?.into())
}

/// What there is to say at the end, which goes out behind the last record.
fn report(summary: &Summary, names: &Names, closing: &Closing) -> String {
    let (table, leaks, samples) = (summary.table(names), summary.leaks(), summary.samples());
    format!("\n{table}{leaks}{samples}{}\n{closing}", summary.times())
}

/// How others reach an instance, and see that it is there.
struct Outside<'a> {
    control: &'a Sender<Control>,
    orders: &'a Receiver<Control>,
    server: Option<Orders>,
    /// Goes when nothing of the instance is left in the kernel.
    here: &'a mut Option<Sender<()>>,
}

/// Does something when it goes, by a panic too.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
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
    match Rejecter::open(reject::Settings::default()) {
        Ok(rejecter) => Ok(Some(Arc::new(rejecter))),
        Err(error) if rejects => Err(error.into()),
        Err(error) => {
            let error = anyhow::Error::from(error);
            log::warn!("{error:#}; a policy with `reject`, loaded later, will only drop");
            Ok(None)
        }
    }
}
