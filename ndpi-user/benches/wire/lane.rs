//! A pair with its traffic and what stands at its end: a line of the results.

use std::error::Error;
use std::mem;
use std::time::{Duration, Instant};

use ndpi_common::{Hook, Outcome, Reason};
use ndpi_kernel::Statistics;

use crate::generator::Generator;
use crate::link::{self, Arrived, Pair};
use crate::receiver::{Receiver, wait_while_growing};

/// One thing to measure.
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    pub(crate) pair: Pair,
    pub(crate) generator: Generator,
    pub(crate) receiver: Receiver,
    /// Packets a second, of each round.
    pub(crate) rates: Vec<f64>,
    pub(crate) account: Account,
}

/// Where the frames of all rounds went.
#[derive(Clone, Copy, Default)]
pub(crate) struct Account {
    /// Sent by the generator.
    pub(crate) sent: u64,
    /// Turned away by the receiving interface, whose ring was full.
    pub(crate) turned_away: u64,
    /// Taken in by the receiving interface.
    pub(crate) arrived: u64,
    /// Given to the stack.
    pub(crate) to_stack: u64,
    /// Of ours.
    pub(crate) ours: Option<Reasons>,
    /// Shown by our program, and left out by user space, which was behind.
    pub(crate) left_out: u64,
    /// Shown by our program, but not seen in user space, or the other way round.
    not_taken: u64,
}

/// What our program counted.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reasons {
    pub(crate) seen: u64,
    pub(crate) dropped: u64,
    pub(crate) passed: u64,
    pub(crate) shown: u64,
    pub(crate) ring_full: u64,
    pub(crate) held_back: u64,
}

/// All counters at one moment.
struct Reading {
    sent: u64,
    arrived: Arrived,
    to_stack: u64,
    ours: Statistics,
}

impl Lane {
    /// Sends for `time` and waits until all has arrived.
    pub(crate) fn round(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        let before = self.read()?;
        let start = Instant::now();
        self.generator.send_for(time)?;
        let took = self.wait_until_arrived(&before)? - start;
        if let Receiver::Ours(ours) = &mut self.receiver {
            ours.wait_until_idle()?;
        }
        let after = self.read()?;
        let account = Account::between(&before, &after, matches!(self.receiver, Receiver::Ours(_)));
        self.rates.push(account.arrived as f64 / took.as_secs_f64());
        self.account.add(&account);
        Ok(())
    }

    /// Ends what stands at the receiving end, and compares what it was shown with what it took.
    pub(crate) fn end(&mut self) -> Result<(), Box<dyn Error>> {
        if let Receiver::Ours(ours) = mem::replace(&mut self.receiver, Receiver::Nothing) {
            let statistics = ours.maps.stats.clone();
            let (given, left_out) = ours.end()?;
            let shown = statistics.read()?.reason(Reason::Shown).packets;
            self.account.left_out = left_out;
            self.account.not_taken = shown.abs_diff(given + left_out);
        }
        Ok(())
    }

    /// What was sent has been taken in or turned away, as far as it will be: the account says what is
    /// missing. Returns when the last frame arrived.
    fn wait_until_arrived(&self, before: &Reading) -> Result<Instant, Box<dyn Error>> {
        let sent = self.generator.sent()? - before.sent;
        let (_, last) = wait_while_growing(sent, || {
            let now = link::arrived(&self.pair.rx)?;
            Ok(now.packets + now.dropped - before.arrived.packets - before.arrived.dropped)
        })?;
        Ok(last)
    }

    fn read(&self) -> Result<Reading, Box<dyn Error>> {
        Ok(Reading {
            sent: self.generator.sent()?,
            arrived: link::arrived(&self.pair.rx)?,
            to_stack: link::given_to_stack()?,
            ours: match &self.receiver {
                Receiver::Ours(ours) => ours.maps.stats.read()?,
                _ => Statistics::default(),
            },
        })
    }

    /// The middle round, the slowest and the fastest.
    pub(crate) fn rates(&self) -> (f64, f64, f64) {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        (rates[rates.len() / 2], rates[0], rates[rates.len() - 1])
    }
}

impl Account {
    fn between(before: &Reading, after: &Reading, ours: bool) -> Self {
        let statistics = after.ours.since(&before.ours);
        Self {
            sent: after.sent - before.sent,
            turned_away: after.arrived.dropped - before.arrived.dropped,
            arrived: after.arrived.packets - before.arrived.packets,
            to_stack: after.to_stack - before.to_stack,
            left_out: 0,
            not_taken: 0,
            ours: ours.then(|| Reasons {
                seen: statistics.seen(Hook::Xdp).packets,
                dropped: statistics.outcome(Outcome::Dropped).packets,
                passed: statistics.outcome(Outcome::Passed).packets,
                shown: statistics.reason(Reason::Shown).packets,
                ring_full: statistics.reason(Reason::RingFull).packets,
                held_back: statistics.reason(Reason::HeldBack).packets,
            }),
        }
    }

    fn add(&mut self, round: &Self) {
        self.sent += round.sent;
        self.turned_away += round.turned_away;
        self.arrived += round.arrived;
        self.to_stack += round.to_stack;
        if let Some(theirs) = &round.ours {
            let ours = self.ours.get_or_insert_default();
            ours.seen += theirs.seen;
            ours.dropped += theirs.dropped;
            ours.passed += theirs.passed;
            ours.shown += theirs.shown;
            ours.ring_full += theirs.ring_full;
            ours.held_back += theirs.held_back;
        }
    }

    /// Frames whose outcome is not known, at the stages on their way.
    pub(crate) fn unaccounted(&self) -> Vec<(&'static str, u64)> {
        let mut stages = vec![("wire", self.sent.abs_diff(self.turned_away + self.arrived))];
        if let Some(ours) = &self.ours {
            stages.push(("program", self.arrived.abs_diff(ours.seen)));
            stages.push(("verdict", ours.seen.abs_diff(ours.dropped + ours.passed)));
            stages.push(("stack", ours.passed.abs_diff(self.to_stack)));
            stages.push(("rings", self.not_taken));
        }
        stages.retain(|(_, packets)| *packets > 0);
        stages
    }
}
