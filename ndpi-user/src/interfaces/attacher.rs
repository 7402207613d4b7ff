//! Attaching to interfaces, and keeping attached.

use std::io;
use std::time::{Duration, Instant};

use super::watch::{Failure, Step, Watch};
use super::wires::PlannedWire;
use super::{Event, Pattern, Roster};
use crate::logging::Recurring;
use ndpi_kernel::{
    AttachError, Attachment, Hooks, Interface, Kernel, LinkMonitor, Mode, Waker, find_interface,
    interfaces,
};

/// How often it is looked without a message from the kernel: a link that somebody detaches sends none.
const EVERY: Duration = Duration::from_secs(1);
/// The shortest time between two looks: a machine that starts containers sends many messages.
const PAUSE: Duration = Duration::from_millis(50);
/// Looks in vain after which the interfaces are given up.
const IN_VAIN: u32 = 10;

/// What is to be attached to, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Interfaces by name and pattern; those of the pairs are among them.
    pub patterns: Vec<Pattern>,
    /// How XDP is to run.
    pub mode: Mode,
    /// Interfaces that are the two ends of a wire, by name.
    pub pairs: Vec<[String; 2]>,
    /// End when something that was attached to is gone.
    pub exit_when_gone: bool,
}

/// Attaches the programs to interfaces and puts them back where they are lost, by what `Watch` says.
#[derive(Debug)]
pub struct Attacher {
    plan: Plan,
    watch: Watch,
    wires: Vec<PlannedWire>,
    roster: Roster,
    monitor: LinkMonitor,
    /// Looks in vain in a row.
    in_vain: u32,
    errors: Recurring,
}

impl Attacher {
    /// Sees whether the interfaces of the plan are there, and attaches to none.
    ///
    /// # Errors
    ///
    /// An interface that was asked for by its name is not there, or is asked for twice.
    pub fn new(mut plan: Plan) -> Result<Self, AttachError> {
        // The end of a wire is one even where a pattern fits it too.
        plan.patterns.sort_by_key(|pattern| pattern.name().is_none());
        // Before looking: what happens from here on is heard of.
        let monitor = LinkMonitor::open().map_err(AttachError::Interfaces)?;
        let watch = Watch::new(plan.patterns.iter().cloned());
        let now = Instant::now();
        let wires = plan.pairs.iter().map(|pair| PlannedWire::new(pair.clone(), now)).collect();
        let (roster, errors) = (Roster::default(), Recurring::default());
        let attacher = Self { plan, watch, wires, roster, monitor, in_vain: 0, errors };
        attacher.check_names()?;
        Ok(attacher)
    }

    /// Attaches to all interfaces of the plan that are there, and takes the place of an instance that is gone;
    /// gives what was attached.
    ///
    /// # Errors
    ///
    /// An interface that was asked for by its name is not there any more or cannot be attached to. When `kernel` is
    /// dropped then, what was attached is taken off, and what an instance that is gone has left is as it was.
    pub fn attach(&mut self, kernel: &mut Kernel) -> Result<Vec<Attachment>, AttachError> {
        let attached = self.attach_first(kernel)?;
        for at in 0..self.wires.len() {
            self.join(kernel, at)?;
        }
        kernel.release_earlier()?;
        self.note();
        Ok(attached)
    }

    /// What others may know of the interfaces.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// All that were asked for by name are there, and are not the same.
    fn check_names(&self) -> Result<(), AttachError> {
        for [left, right] in &self.plan.pairs {
            if find_interface(left)?.index == find_interface(right)?.index {
                return Err(AttachError::OwnPeer(left.clone()));
            }
        }
        let mut found = Vec::new();
        for name in self.plan.patterns.iter().filter_map(Pattern::name) {
            let Interface { index, name, .. } = find_interface(name)?;
            if found.contains(&index) {
                return Err(AttachError::Twice(name));
            }
            found.push(index);
        }
        Ok(())
    }

    fn attach_first(&mut self, kernel: &mut Kernel) -> Result<Vec<Attachment>, AttachError> {
        let seen = interfaces().map_err(AttachError::Interfaces)?;
        let mut attached = Vec::new();
        let steps = self.watch.look(&seen, &|_, _| Ok(None), Instant::now());
        let none_fits = steps.is_empty();
        let attach = |step| if let Step::Attach { index } = step { Some(index) } else { None };
        let mut indices: Vec<_> = steps.into_iter().filter_map(attach).collect();
        // Where something may be in the way comes first: exchanging programs does not fail.
        let goes_on =
            |index: &u32| seen.iter().any(|it| it.index == *index && kernel.goes_on_at(it));
        indices.sort_by_key(goes_on);
        for index in indices {
            let result = self.attach_to(kernel, index);
            let by_name = self.watch.asked_by(index).is_some_and(|it| it.name().is_some());
            if result.is_err() && by_name {
                return result.map(|_| attached);
            }
            attached.extend(result.as_ref().ok().cloned());
            if let Some(event) = self.settle(index, result) {
                self.enter(&event);
                log::log!(event.level(), "{event}");
            }
        }
        if none_fits {
            let asked: Vec<_> = self.plan.patterns.iter().map(ToString::to_string).collect();
            log::warn!(
                "no interface fits {}: nothing is enforced until one comes",
                asked.join(", ")
            );
        }
        Ok(attached)
    }

    /// Keeps attached until `waker` is used, and leaves what is attached then. `say` is given what happens; `end` is
    /// called when there is no reason to go on, and is to have `waker` used; `has_looked` after each look, about once
    /// a second. Returns that reason.
    pub fn run(
        mut self,
        kernel: &mut Kernel,
        waker: &Waker,
        mut say: impl FnMut(&Event),
        end: impl Fn(),
        mut has_looked: impl FnMut(&Kernel),
    ) -> Option<String> {
        let mut reason = None;
        loop {
            let looked = Instant::now();
            self.look(kernel, &mut say);
            has_looked(kernel);
            if reason.is_none() {
                reason = self.reason_to_end();
                if reason.is_some() {
                    end();
                }
            }
            match self.wait(waker, looked) {
                Ok(false) => {}
                Ok(true) => break,
                Err(error) => {
                    self.errors.warn(&anyhow::Error::new(error));
                    std::thread::sleep(PAUSE);
                }
            }
        }
        reason
    }

    fn wait(&self, waker: &Waker, looked: Instant) -> io::Result<bool> {
        if self.monitor.wait(waker, EVERY)? {
            return Ok(true);
        }
        std::thread::sleep(PAUSE.saturating_sub(looked.elapsed()));
        Ok(false)
    }

    /// Looks at all interfaces and does what is to be done.
    fn look(&mut self, kernel: &mut Kernel, say: &mut impl FnMut(&Event)) {
        let seen = match interfaces() {
            Ok(seen) => seen,
            Err(error) => {
                self.in_vain += 1;
                let error = AttachError::Interfaces(error);
                return self.errors.warn(&anyhow::Error::new(error));
            }
        };
        self.in_vain = 0;
        let health = |index, seen: Option<&Interface>| kernel.health_beside(index, seen);
        let steps = self.watch.look(&seen, &health, Instant::now());
        let changed = !steps.is_empty();
        for step in steps {
            self.take(step, kernel, say);
        }
        for at in 0..self.wires.len() {
            let Err(error) = self.join(kernel, at) else { continue };
            let why = in_words(error);
            if self.wires[at].refused(&why, Instant::now()) {
                let [left, right] = &self.wires[at].ends;
                log::error!("between {left} and {right} everything is dropped: {why}");
            }
        }
        if changed {
            self.note();
        }
    }

    fn take(&mut self, step: Step, kernel: &mut Kernel, say: &mut impl FnMut(&Event)) {
        let event = match step {
            Step::Say(event) => Some(event),
            Step::Attach { index } => {
                let result = self.attach_to(kernel, index);
                self.settle(index, result)
            }
            Step::Mend { index } => self.settle(index, kernel.mend(index)),
            Step::Release { index } => {
                kernel.detach(index);
                self.roster.leave(index);
                None
            }
            Step::Cut { index } => {
                kernel.cut(index);
                None
            }
            Step::Up { name, index, up } => {
                kernel.note_up(&name, index, up);
                None
            }
            Step::Rejoin { index } => {
                self.renew_wire(index);
                None
            }
        };
        let Some(event) = event else { return };
        self.enter(&event);
        say(&event);
        if let Event::Attached { attachment, .. } = &event {
            self.renew_wire(attachment.index);
        }
    }

    fn attach_to(&self, kernel: &mut Kernel, index: u32) -> Result<Attachment, AttachError> {
        if self.wire_of(index).is_some() {
            kernel.attach_end(index, self.plan.mode)
        } else {
            kernel.attach_index(index, self.plan.mode, Hooks::default())
        }
    }

    fn settle(&mut self, index: u32, result: Result<Attachment, AttachError>) -> Option<Event> {
        let failure = |error: AttachError| Failure {
            occupied: matches!(error, AttachError::Occupied { .. }),
            why: in_words(error),
        };
        self.watch.settle(index, result.map_err(failure), Instant::now())
    }

    /// Has the roster know of it.
    fn enter(&self, event: &Event) {
        use Event::{Attached, Renamed, Returned};
        if matches!(event, Attached { .. } | Renamed { .. } | Returned { .. }) {
            self.roster.enter(event.index(), event.name());
        }
    }

    /// Joins the two interfaces of a wire, if both are there and it is time.
    fn join(&mut self, kernel: &mut Kernel, at: usize) -> Result<(), AttachError> {
        let wire = &mut self.wires[at];
        let ends = wire.ends.each_ref().map(|name| self.watch.attached_for(name));
        let Some([left, right]) = wire.due(ends, Instant::now()) else { return Ok(()) };
        kernel.join(left, right)?;
        wire.stands([left, right], Instant::now());
        let [left, right] = &wire.ends;
        log::info!("{left} and {right} are joined, past the network stack");
        Ok(())
    }

    fn renew_wire(&mut self, index: u32) {
        if let Some(at) = self.wire_of(index) {
            self.wires[at].renew(Instant::now());
        }
    }

    /// The wire that an interface is an end of.
    fn wire_of(&self, index: u32) -> Option<usize> {
        let name = self.watch.asked_by(index)?.name()?;
        self.wires.iter().position(|wire| wire.has_end(name))
    }

    /// Tells others where nothing is enforced.
    fn note(&self) {
        self.roster.set_unenforced(self.watch.unenforced());
    }

    fn reason_to_end(&self) -> Option<String> {
        if self.plan.exit_when_gone
            && let Some(gone) = self.watch.gone()
        {
            return Some(format!("nothing is enforced on {gone} any more (--exit-when-gone)"));
        }
        let blind = self.in_vain >= IN_VAIN && !self.watch.is_anywhere();
        blind.then(|| "no interface is left, and those that come cannot be seen".into())
    }
}

/// An error with its causes.
fn in_words(error: AttachError) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
