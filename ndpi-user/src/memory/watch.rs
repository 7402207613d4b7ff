//! The thread that measures memory, says what flows may take of it, and has it given back after a flood.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};

use super::account::Account;
use super::budget::{Budget, Reading};
use super::meter::Meter;
use super::trim::trim;
use crate::apart::Gauge;

/// How often it looks where there is a limit.
const EVERY: Duration = Duration::from_millis(100);
/// Where there is none, and nothing hurries.
const AT_LEISURE: Duration = Duration::from_secs(1);
/// How often memory is given back at most: threads that allocate wait meanwhile.
const BETWEEN: Duration = Duration::from_secs(1);
/// How long workers are given for that: longer than they wait for a packet.
const SHRINKING: Duration = Duration::from_millis(300);

/// What is watched.
#[derive(Debug)]
pub struct Watch {
    account: Arc<Account>,
    meter: Meter,
    budget: Budget,
    ndpi: Option<Gauge>,
    given_back: Instant,
    /// Since when workers are giving back what their tables have taken.
    shrinking: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(account: Arc<Account>, meter: Meter, ndpi: Option<Gauge>) -> Self {
        let budget = Budget::new(account.limit());
        let given_back = Instant::now();
        Self { account, meter, budget, ndpi, given_back, shrinking: None }
    }

    /// Looks until the other end of `stopped` is gone.
    pub(crate) fn run(mut self, stopped: &Receiver<()>) {
        let every = if self.account.limit().is_some() { EVERY } else { AT_LEISURE };
        loop {
            self.look();
            if stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn look(&mut self) {
        let taken = self.meter.read();
        self.account.note(taken);
        let reading = Reading { taken: taken.sum(), of_flows: self.account.of_flows() };
        if let Some(allowed) = self.budget.look(reading) {
            self.account.allow(allowed);
        }
        // First the tables, by those who own them, and then what is freed by that.
        if let Some(since) = self.shrinking {
            if since.elapsed() >= SHRINKING {
                self.shrinking = None;
                self.give_back(reading);
            }
        } else if self.budget.is_worthwhile(reading) && self.given_back.elapsed() >= BETWEEN {
            self.account.shrink();
            self.shrinking = Some(Instant::now());
        }
    }

    fn give_back(&mut self, reading: Reading) {
        if let Some(ndpi) = &self.ndpi {
            ndpi.give_memory_back();
        }
        trim();
        self.budget.given_back(reading);
        self.given_back = Instant::now();
    }
}
