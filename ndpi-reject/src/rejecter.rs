//! Notifies the ends of rejected flows, within bounds.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndpi_flow::{FlowKey, Sample};

use crate::answer::answers;
use crate::answered::Answered;
use crate::rate_limiter::RateLimiter;
use crate::stack::{OpenError, Stack};
use crate::to_send::{Answer, Unanswerable};
use crate::transport::Transport;

/// Failures to send are logged once in this time at most.
const LOG_PAUSE_NS: u64 = 10_000_000_000;

/// The bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Packets a second, over all flows; 0 for silence. A TCP flow takes two.
    pub rate: u32,
    /// Packets that may be sent at once after a pause.
    pub burst: u32,
    /// How often one flow is answered for what the kernel drops: for the first packet of each
    /// direction. What passed until the verdict stood is answered as well, and bounded by the flow's
    /// budget.
    pub per_flow: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rate: 1000, burst: 1000, per_flow: 2 }
    }
}

/// The result of sending an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notified {
    /// It was sent to everybody whom it concerns.
    Sent,
    /// The packet must not be answered, or cannot.
    Unanswerable(Unanswerable),
    /// The flow was answered often enough.
    EnoughForFlow,
    /// The rate is used up.
    EnoughForNow,
    /// The stack refused at least one packet.
    Failed,
}

/// What a [`Rejecter`] has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// TCP resets that were sent.
    pub resets: u64,
    /// ICMP errors that were sent.
    pub unreachables: u64,
    /// Packets that the stack refused.
    pub failed: u64,
    /// Samples that must not be answered, or cannot.
    pub unanswerable: u64,
    /// Samples that were not answered because their flow was often enough.
    pub enough_for_flow: u64,
    /// Samples that were not answered because the rate was used up.
    pub enough_for_now: u64,
}

/// Notifies both ends that their flow is rejected. One for all threads, so that its bounds hold for
/// the whole program; a lock is held for the bounds only, not while packets are sent.
#[derive(Debug)]
pub struct Rejecter<T = Stack> {
    transport: T,
    bounds: Mutex<Bounds>,
    counts: Counts,
}

#[derive(Debug)]
struct Bounds {
    limiter: RateLimiter,
    answered: Answered,
    quiet_until_ns: u64,
}

#[derive(Debug, Default)]
struct Counts {
    resets: AtomicU64,
    unreachables: AtomicU64,
    failed: AtomicU64,
    unanswerable: AtomicU64,
    enough_for_flow: AtomicU64,
    enough_for_now: AtomicU64,
}

impl Rejecter {
    /// A rejecter that sends through the stack of this thread's network namespace.
    ///
    /// # Errors
    ///
    /// Without the rights to open raw sockets.
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        Ok(Self::new(Stack::open()?, settings))
    }
}

impl<T: Transport> Rejecter<T> {
    /// A rejecter that sends by `transport`.
    pub fn new(transport: T, settings: Settings) -> Self {
        let bounds = Bounds {
            limiter: RateLimiter::new(settings.rate, settings.burst),
            answered: Answered::new(settings.per_flow),
            quiet_until_ns: 0,
        };
        Self { transport, bounds: Mutex::new(bounds), counts: Counts::default() }
    }

    /// Notifies the ends of the sample's flow. The sample is the one that the verdict was made of, one
    /// that passed before it stood, or one that the kernel dropped since ([`Sample::rejected`]). `now_ns` is any clock in
    /// nanoseconds, the same for all calls.
    pub fn reject(&self, sample: &Sample, now_ns: u64) -> Notified {
        let notified = match answers(sample) {
            Ok(answers) => self.notify(sample, &answers, now_ns),
            Err(reason) => Notified::Unanswerable(reason),
        };
        match notified {
            Notified::Sent | Notified::Failed => {}
            Notified::Unanswerable(_) => add(&self.counts.unanswerable, 1),
            Notified::EnoughForFlow => add(&self.counts.enough_for_flow, 1),
            Notified::EnoughForNow => add(&self.counts.enough_for_now, 1),
        }
        notified
    }

    /// The flow is over: a later one with the same key is answered again.
    pub fn forget(&self, key: &FlowKey) {
        self.bounds().answered.forget(key);
    }

    /// What was done so far.
    pub fn statistics(&self) -> Statistics {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Statistics {
            resets: read(&self.counts.resets),
            unreachables: read(&self.counts.unreachables),
            failed: read(&self.counts.failed),
            unanswerable: read(&self.counts.unanswerable),
            enough_for_flow: read(&self.counts.enough_for_flow),
            enough_for_now: read(&self.counts.enough_for_now),
        }
    }

    fn notify(&self, sample: &Sample, answers: &[Answer], now_ns: u64) -> Notified {
        if let Some(refusal) = self.bounds().refuse(sample, answers.len() as u64, now_ns) {
            return refusal;
        }
        if self.concerns_broadcast(sample) {
            return Notified::Unanswerable(Unanswerable::Address);
        }
        let sent = match sample.key.proto() {
            crate::ip::TCP => &self.counts.resets,
            _ => &self.counts.unreachables,
        };
        let mut notified = Notified::Sent;
        for answer in answers {
            match self.transport.send(answer) {
                Ok(()) => add(sent, 1),
                Err(error) => {
                    self.fail(&error, answer.to, now_ns);
                    notified = Notified::Failed;
                }
            }
        }
        notified
    }

    fn concerns_broadcast(&self, sample: &Sample) -> bool {
        let ends = [sample.key.lower().0, sample.key.upper().0];
        ends.into_iter().any(|end| match end {
            IpAddr::V4(end) => self.transport.is_broadcast(end),
            IpAddr::V6(_) => false,
        })
    }

    fn fail(&self, error: &io::Error, to: SocketAddr, now_ns: u64) {
        add(&self.counts.failed, 1);
        log::debug!("could not notify {} that its flow is rejected: {error}", to.ip());
        if self.bounds().may_log(now_ns) {
            let failed = self.counts.failed.load(Ordering::Relaxed);
            log::warn!(
                "could not notify an end that its flow is rejected: {error} ({failed} such packets so \
                 far); the flow is dropped all the same; check the routes to both its ends and the \
                 firewall's rules on output"
            );
        }
    }

    fn bounds(&self) -> MutexGuard<'_, Bounds> {
        // Nothing that runs under the lock leaves the bounds half changed.
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bounds {
    /// Why the sample is not answered with so many packets; else they are taken from the bounds.
    fn refuse(&mut self, sample: &Sample, packets: u64, now_ns: u64) -> Option<Notified> {
        if sample.reopened {
            self.answered.forget(&sample.key);
        }
        if sample.rejected && !self.answered.may(&sample.key) {
            return Some(Notified::EnoughForFlow);
        }
        if !self.limiter.take(packets, now_ns) {
            return Some(Notified::EnoughForNow);
        }
        if sample.rejected {
            self.answered.note(sample.key);
        }
        None
    }

    fn may_log(&mut self, now_ns: u64) -> bool {
        let went_back = self.quiet_until_ns > now_ns.saturating_add(LOG_PAUSE_NS);
        let may = now_ns >= self.quiet_until_ns || went_back;
        if may {
            self.quiet_until_ns = now_ns.saturating_add(LOG_PAUSE_NS);
        }
        may
    }
}

fn add(count: &AtomicU64, by: u64) {
    count.fetch_add(by, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
