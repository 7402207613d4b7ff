//! Controls a session: the coarse clock, and changes of the policy.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use crossbeam::channel::{self, Receiver, Sender, select};
use ndpi_common::TICK_NS;
use ndpi_events::Time;
use ndpi_flow::Servers;
use ndpi_kernel::{Clock, RuntimeConfig, ktime_ns, suspended_ns};
use ndpi_policy::Policy;

use super::lookout::incomplete;
use super::message::{Message, Rejudged};
use super::outbox::Outbox;
use super::strain::StrainGauge;
use super::stuck::StuckWatch;
use crate::enforce::{ActivePolicy, KernelRules, PolicyInstaller};
use crate::snapshot::{Board, InForce};

/// A command to a session that runs.
#[derive(Debug)]
pub enum Control {
    /// Judge by this policy from now on, and say when every verdict is one of it.
    Policy(Arc<Policy>, Sender<Result<Rejudged>>),
    /// End.
    Stop,
}

/// Says to the programs that user space is there, and passes policies on.
pub(super) struct Controller<'a> {
    live: RuntimeConfig,
    /// How long the machine had been suspended when the coarse clock was last set.
    suspended: u64,
    clock: Clock,
    installer: PolicyInstaller<KernelRules>,
    in_force: Arc<ActivePolicy>,
    servers: Arc<Servers>,
    board: Arc<Board>,
    gauge: StrainGauge,
    stuck: StuckWatch,
    outboxes: &'a [Outbox],
    /// What is to be sent to each worker as soon as there is room.
    owed: Vec<VecDeque<Message>>,
    /// Changes that workers are still at; each brings a policy into force at all workers, in turn.
    changes: Vec<Change>,
}

/// A change of policy that was passed on to the workers.
struct Change {
    /// Who is to hear that it is complete; nobody where a schedule made it.
    done: Option<Sender<Result<Rejudged>>>,
    workers: Receiver<Rejudged>,
    awaited: usize,
    sum: Rejudged,
}

impl<'a> Controller<'a> {
    pub(super) fn new(
        live: RuntimeConfig,
        clock: Clock,
        installer: PolicyInstaller<KernelRules>,
        in_force: Arc<ActivePolicy>,
        (servers, board): (Arc<Servers>, Arc<Board>),
        (gauge, stuck): (StrainGauge, StuckWatch),
        outboxes: &'a [Outbox],
    ) -> Self {
        let owed = outboxes.iter().map(|_| VecDeque::new()).collect();
        let changes = Vec::new();
        let suspended = suspended_ns();
        let controller = Self {
            live,
            suspended,
            clock,
            installer,
            in_force,
            servers,
            board,
            gauge,
            stuck,
            outboxes,
            owed,
            changes,
        };
        controller.note_in_force();
        controller
    }

    /// Says which policy is in force from now on.
    fn note_in_force(&self) {
        let policy = self.in_force.policy();
        let rules = policy.rules().len() - policy.preceding();
        self.board.set_policy(InForce {
            revision: self.in_force.revision(),
            rules: rules as u64,
            since: Time::now(),
        });
    }

    /// Goes on until it is stopped.
    ///
    /// # Errors
    ///
    /// A thread has `ended` without which the session is not whole, or the kernel side cannot be written
    /// to.
    pub(super) fn run(
        mut self,
        control: &Receiver<Control>,
        ended: &Receiver<String>,
    ) -> Result<()> {
        let mut due = self.next_change();
        let tick = Duration::from_nanos(TICK_NS);
        loop {
            self.live.beat(ktime_ns())?;
            self.catch_up()?;
            // Only the first: its workers are done no later than those of the next.
            let done = self.changes.first().map(|change| change.workers.clone());
            select! {
                recv(control) -> order => match order {
                    Ok(Control::Policy(policy, done)) => {
                        self.change(policy, done);
                        due = self.next_change();
                    }
                    Ok(Control::Stop) | Err(_) => return Ok(()),
                },
                recv(ended) -> name => return Err(incomplete(&name.unwrap_or_default())),
                recv(done.unwrap_or_else(channel::never)) -> rejudged => self.note(rejudged.ok()),
                default(tick) => {
                    let jump_ns = self.clock.measure();
                    let now = ktime_ns();
                    let time = self.clock.epoch_ns(now);
                    self.gauge.look(now, time);
                    self.stuck.look(now, time);
                    self.deliver();
                    if is_due(due, jump_ns, jiff::Timestamp::now()) {
                        self.pass_on(None);
                        due = self.next_change();
                    }
                }
            }
        }
    }

    /// Moves the kernel's coarse clock forward when the machine has been suspended.
    fn catch_up(&mut self) -> Result<()> {
        // Two clocks are never read at quite the same time.
        const NOTICED: u64 = 10_000_000;
        let suspended = suspended_ns();
        let slept = suspended.saturating_sub(self.suspended);
        if slept > NOTICED {
            self.live.add_suspended(slept)?;
            self.suspended = suspended;
        }
        Ok(())
    }

    /// When a schedule of the policy changes its answer next.
    fn next_change(&self) -> Option<jiff::Timestamp> {
        self.in_force.policy().next_change(jiff::Timestamp::now())
    }

    fn change(&mut self, policy: Arc<Policy>, done: Sender<Result<Rejudged>>) {
        match self.installer.install(policy, ktime_ns()) {
            Ok(in_force) => {
                self.in_force = Arc::new(in_force);
                self.note_in_force();
                self.pass_on(Some(done));
            }
            // Nobody waits for the answer where the reloader has ended, and the session is to.
            Err(error) => drop(done.send(Err(error))),
        }
    }

    /// Has all workers judge their flows again by the policy in force. What it blocks of the servers
    /// that are remembered is blocked before.
    fn pass_on(&mut self, done: Option<Sender<Result<Rejudged>>>) {
        self.servers.set_policy(self.in_force.policy(), self.clock.epoch_ns(ktime_ns()));
        let (judged, workers) = channel::bounded(self.outboxes.len());
        for owed in &mut self.owed {
            owed.push_back(Message::Policy(Arc::clone(&self.in_force), judged.clone()));
        }
        self.deliver();
        let awaited = self.outboxes.len();
        self.changes.push(Change { done, workers, awaited, sum: Rejudged::default() });
    }

    /// Sends the workers what is owed to them. One that has no room for it keeps nobody else waiting: the
    /// clock has to go on.
    fn deliver(&mut self) {
        for (outbox, owed) in self.outboxes.iter().zip(&mut self.owed) {
            while let Some(message) = owed.pop_front() {
                if let Some(back) = outbox.offer(message) {
                    owed.push_front(back);
                    break;
                }
            }
        }
    }

    /// Notes that a worker is done with the first change, or that no other will be.
    fn note(&mut self, rejudged: Option<Rejudged>) {
        let Some(change) = self.changes.first_mut() else { return };
        if let Some(rejudged) = rejudged {
            change.sum.add(rejudged);
            change.awaited -= 1;
            if change.awaited > 0 {
                return;
            }
        }
        let Change { done, sum, awaited, .. } = self.changes.remove(0);
        if awaited == 0 && self.changes.is_empty() {
            self.installer.remove_unused(&self.in_force);
        }
        if let Some(done) = done.filter(|_| awaited == 0) {
            // As in `change`.
            let _ = done.send(Ok(sum));
        }
    }
}
/// Whether schedules may have another answer by now: they are to change it at `due`, as it was last known, or the
/// time of day has jumped, also back.
fn is_due(due: Option<jiff::Timestamp>, jump_ns: i64, now: jiff::Timestamp) -> bool {
    const JUMP_NS: u64 = 1_000_000_000;
    due.is_some_and(|due| due <= now || jump_ns.unsigned_abs() >= JUMP_NS)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::is_due;

    #[test]
    fn schedules_are_asked_again_when_they_change_and_when_the_time_of_day_jumps() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (due, second) = (Some(at(2000)), 1_000_000_000);
        assert!(!is_due(due, 0, at(1999)) && is_due(due, 0, at(2000)));
        // Put back by an hour, behind the last change.
        assert!(is_due(due, -3600 * second, at(1000)));
        assert!(is_due(due, 60 * second, at(1000)));
        assert!(!is_due(due, second / 1000, at(1000)), "slewed");
        assert!(!is_due(None, -3600 * second, at(1000)), "no schedule");
    }
}
