//! One interface that is asked for.

use std::time::{Duration, Instant};

use super::{Failure, Step};
use crate::interfaces::Event;
use ndpi_kernel::{Attachment, Health, Interface, Links};

/// Programs that stayed on for so long were not taken off in a fight.
const SETTLED: Duration = Duration::from_mins(1);
/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_mins(1);
/// The shortest.
const SHORTEST: Duration = Duration::from_secs(1);

/// An interface, by its index: names change.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) index: u32,
    pub(super) name: String,
    /// What it was asked for by: a place in [`super::Watch::asked`].
    pub(super) asked: usize,
    pub(super) state: State,
    /// An interface of this name was attached to before.
    again: bool,
    /// The kernel side has it.
    attached: bool,
    up: bool,
    /// Tries since it was on for long.
    tries: u32,
}

/// What is on it.
#[derive(Debug)]
pub(super) enum State {
    /// All programs.
    On { since: Instant },
    /// Not all; a try is due.
    Off { last: Instant, due: Instant, why: String, occupied: bool },
    /// It is in another namespace.
    Away,
}

impl State {
    pub(super) fn is_on(&self) -> bool {
        matches!(self, Self::On { .. })
    }
}

impl Place {
    /// One that is just being attached to.
    pub(super) fn new(interface: &Interface, asked: usize, again: bool, now: Instant) -> Self {
        Self {
            index: interface.index,
            name: interface.name.clone(),
            asked,
            state: State::Off { last: now, due: now, why: String::new(), occupied: false },
            again,
            attached: false,
            up: interface.up,
            tries: 0,
        }
    }

    /// What is to be done about it while it is there.
    pub(super) fn look(
        &mut self,
        interface: &Interface,
        health: Option<Health>,
        now: Instant,
        steps: &mut Vec<Step>,
    ) {
        self.rename(interface, steps);
        if std::mem::replace(&mut self.up, interface.up) != interface.up {
            let (name, index) = (self.name.clone(), self.index);
            steps.push(Step::Up { name, index, up: interface.up });
        }
        let health = health.unwrap_or_default();
        match &self.state {
            State::On { .. } | State::Away => self.compare(health, now, steps),
            State::Off { .. } => {}
        }
        self.try_again(interface, now, steps);
    }

    fn rename(&mut self, interface: &Interface, steps: &mut Vec<Step>) {
        if self.name == interface.name {
            return;
        }
        let from = std::mem::replace(&mut self.name, interface.name.clone());
        if self.attached {
            let (name, index) = (self.name.clone(), self.index);
            steps.push(Step::Say(Event::Renamed { from, name, index }));
        }
    }

    /// Notes what was taken off, and that it is back from another namespace.
    fn compare(&mut self, health: Health, now: Instant, steps: &mut Vec<Step>) {
        let (name, index) = (self.name.clone(), self.index);
        let (ingress, egress) = (!health.ingress, !health.egress);
        let was_away = matches!(self.state, State::Away);
        if was_away && health.links == Links::There {
            steps.push(Step::Say(Event::Returned { name: name.clone(), index }));
            (self.state, self.tries) = (State::On { since: now }, 0);
            steps.push(Step::Rejoin { index });
        }
        if ingress || egress {
            steps.push(Step::Say(Event::TakenOff { name, index, ingress, egress }));
            self.take_off(now);
        }
    }

    /// Programs are missing: at once they are put back the first time, later and later where that goes
    /// on.
    fn take_off(&mut self, now: Instant) {
        if let State::On { since } = self.state
            && now.duration_since(since) >= SETTLED
        {
            self.tries = 0;
        }
        let wait = if self.tries == 0 { Duration::ZERO } else { backoff(self.tries) };
        let why = "programs were taken off".to_owned();
        self.state = State::Off { last: now, due: now + wait, why, occupied: false };
    }

    fn try_again(&mut self, interface: &Interface, now: Instant, steps: &mut Vec<Step>) {
        let State::Off { last, due, occupied, .. } = &mut self.state else { return };
        let is_free = *occupied && interface.xdp.is_empty() && now >= *last + SHORTEST;
        if now < *due && !is_free {
            return;
        }
        *last = now;
        *due = now + LONGEST;
        let index = self.index;
        steps.push(if self.attached { Step::Mend { index } } else { Step::Attach { index } });
    }

    /// What is to be done when it is not seen; whether it keeps its place.
    pub(super) fn is_missing(&mut self, health: Option<Health>, steps: &mut Vec<Step>) -> bool {
        let (name, index) = (self.name.clone(), self.index);
        if health.is_some_and(|health| health.links != Links::None) {
            if !matches!(self.state, State::Away) {
                self.state = State::Away;
                // Before it is said: who hears it may rely on a wire that is cut.
                steps.push(Step::Cut { index });
                steps.push(Step::Say(Event::Moved { name, index }));
            }
            return true;
        }
        // Before it is said, as above.
        if self.attached {
            steps.push(Step::Release { index });
        }
        // One that was away and was let go of came back under another index, and is attached to there.
        if !(matches!(self.state, State::Away) && health.is_none()) {
            steps.push(Step::Say(Event::Gone { name, index }));
        }
        false
    }

    /// What is to be done when it has moved to another namespace and another interface has its index:
    /// it is let go of, and attached to as a new one when it returns.
    pub(super) fn is_replaced(&mut self, steps: &mut Vec<Step>) {
        let (name, index) = (self.name.clone(), self.index);
        steps.push(Step::Release { index });
        if !matches!(self.state, State::Away) {
            steps.push(Step::Say(Event::Moved { name, index }));
        }
    }

    /// Notes what came of a try; gives what is to be said.
    pub(super) fn settle(
        &mut self,
        result: Result<Attachment, Failure>,
        now: Instant,
    ) -> Option<Event> {
        if self.attached || result.is_err() {
            self.tries = self.tries.saturating_add(1);
        }
        match result {
            Ok(attachment) => {
                self.state = State::On { since: now };
                self.attached = true;
                let again = std::mem::replace(&mut self.again, true);
                Some(Event::Attached { attachment, again })
            }
            Err(Failure { why, occupied }) => {
                let said = matches!(&self.state, State::Off { why: before, .. } if *before == why);
                let due = now + backoff(self.tries);
                self.state = State::Off { last: now, due, why: why.clone(), occupied };
                let (name, index) = (self.name.clone(), self.index);
                (!said).then_some(Event::Refused { name, index, why })
            }
        }
    }

    /// What is missing there.
    pub(super) fn lacks(&self) -> Option<String> {
        match &self.state {
            State::On { .. } => None,
            State::Off { why, .. } => Some(why.clone()),
            State::Away => Some("in another network namespace".into()),
        }
    }
}

/// The wait after so many tries.
fn backoff(tries: u32) -> Duration {
    SHORTEST.saturating_mul(1 << tries.saturating_sub(1).min(6)).min(LONGEST)
}
