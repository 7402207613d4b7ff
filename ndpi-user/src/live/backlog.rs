//! How far a worker is behind, and what is kept from it then.
//!
//! Samples wait in one queue. A flood of new flows, of which most will never say anything, would make
//! the samples wait that complete a classification, and a flow that is to be blocked passes for as long.
//! So where a worker is behind, the reader leaves out what nDPI can do without: TCP packets without
//! payload first, then the first packets of flows. What comes later in a flow is always looked at, and what
//! comes behind a handshake, of which the kernel may have held back all: a flood that nobody answers has none.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use ndpi_common::{Known, SampleFlags, SampleHeader};

use crate::snapshot::Queue;

/// Which samples are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Behind {
    /// None: the worker keeps up.
    #[default]
    No,
    /// TCP packets without payload.
    Little,
    /// Those, and the first packets of flows.
    Far,
}

/// A worker is behind when so many samples wait, and it looks at what was sent so long ago. Either
/// alone is a moment in which another thread had the CPU.
const BEHIND: [(Behind, usize, Duration); 2] =
    [(Behind::Far, 128, Duration::from_millis(6)), (Behind::Little, 64, Duration::from_millis(3))];

impl Behind {
    /// Whether nDPI does without the sample of this header now.
    pub(super) fn spares(self, header: &SampleHeader) -> bool {
        // These say something that no later packet does.
        let telling = SampleFlags::REOPENED | SampleFlags::REJECTED;
        if self == Self::No || header.flags & telling != 0 {
            return false;
        }
        header.flags & SampleFlags::EMPTY != 0 || self == Self::Far && opens(header)
    }
}

/// Whether a packet is the first of its flow, and not only the first that is shown.
fn opens(header: &SampleHeader) -> bool {
    let known = header.sequence.lower.known | header.sequence.upper.known;
    let is_behind_others = header.flags & SampleFlags::LOSS != 0 || known & Known::CONFIRMED != 0;
    header.number == 1 && !is_behind_others
}

/// What reader and worker know of the samples between them. Times are nanoseconds since boot.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Samples that were sent and not looked at.
    waiting: AtomicUsize,
    /// When the batch was sent that the worker is at.
    at_ns: AtomicU64,
    /// Samples that were left out.
    spared: AtomicU64,
    /// Samples that were lost, as the worker took none.
    queue_full: AtomicU64,
    /// The longest that a sample took from the packet to the end of its batch, since it was asked for.
    longest_ns: AtomicU64,
    /// When the worker began with the message that it is at; 0 while it waits for one.
    at_work_ns: AtomicU64,
    /// It has been at it for so long that nobody is to wait for it.
    is_stuck: AtomicBool,
}

impl Backlog {
    /// The reader is about to send so many samples.
    pub(super) fn send(&self, samples: usize, now_ns: u64) {
        if self.waiting.fetch_add(samples, Ordering::Relaxed) == 0 {
            self.at_ns.store(now_ns, Ordering::Relaxed);
        }
    }

    /// The worker begins with a batch that was sent at this time.
    pub(super) fn begin(&self, sent_ns: u64) {
        self.at_ns.store(sent_ns, Ordering::Relaxed);
    }

    /// The worker is done with so many samples, the oldest of which took so long.
    pub(super) fn end(&self, samples: usize, took_ns: u64) {
        self.waiting.fetch_sub(samples, Ordering::Relaxed);
        self.longest_ns.fetch_max(took_ns, Ordering::Relaxed);
    }

    /// The worker has taken a message, or looks what there is to do without one.
    pub(super) fn at_work(&self, now_ns: u64) {
        self.at_work_ns.store(now_ns, Ordering::Relaxed);
    }

    /// The worker is done with it.
    pub(super) fn rests(&self) {
        self.at_work(0);
    }

    /// When the worker began with the message that it is at; `None` while it waits for one.
    pub(super) fn at_work_since(&self) -> Option<u64> {
        Some(self.at_work_ns.load(Ordering::Relaxed)).filter(|since| *since > 0)
    }

    /// The worker does not go on, or does again.
    pub(super) fn set_stuck(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
    }

    /// Whether nobody is to wait for the worker.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }

    /// So many samples were lost that were as good as sent: the worker's queue is full.
    pub(super) fn lose(&self, samples: usize) {
        self.waiting.fetch_sub(samples, Ordering::Relaxed);
        self.queue_full.fetch_add(samples as u64, Ordering::Relaxed);
    }

    /// Samples that were lost so far, as the worker's queue was full.
    pub(super) fn queue_full(&self) -> u64 {
        self.queue_full.load(Ordering::Relaxed)
    }

    /// The reader left a sample out.
    pub(super) fn spare(&self) {
        self.spared.fetch_add(1, Ordering::Relaxed);
    }

    /// Samples that were left out so far.
    pub(super) fn spared(&self) -> u64 {
        self.spared.load(Ordering::Relaxed)
    }

    /// The longest that a sample took since the last call.
    pub(super) fn take_longest(&self) -> Duration {
        Duration::from_nanos(self.longest_ns.swap(0, Ordering::Relaxed))
    }

    /// How far the worker is behind.
    pub(super) fn behind(&self, now_ns: u64) -> Behind {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let late = now_ns.saturating_sub(self.at_ns.load(Ordering::Relaxed));
        let late = Duration::from_nanos(late);
        let found = BEHIND.into_iter().find(|(_, many, long)| waiting >= *many && late >= *long);
        found.map_or(Behind::No, |(behind, ..)| behind)
    }
}

impl Queue for Backlog {
    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn is_stuck(&self) -> bool {
        self.is_stuck()
    }

    fn not_given(&self) -> (u64, u64) {
        (self.spared(), self.queue_full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn header(number: u32, flags: u16) -> SampleHeader {
        // SAFETY: integers and byte arrays only: all zeros is a header.
        let header: SampleHeader = unsafe { std::mem::zeroed() };
        SampleHeader { number, flags, ..header }
    }

    #[test]
    fn a_worker_is_behind_when_many_wait_and_for_long() {
        let backlog = Backlog::default();
        backlog.send(10, 100 * MS);
        assert_eq!(backlog.behind(200 * MS), Behind::No, "few wait, if for long");
        backlog.send(300, 100 * MS);
        assert_eq!(backlog.behind(102 * MS), Behind::No, "many wait, if not for long");
        assert_eq!(backlog.behind(104 * MS), Behind::Little);
        assert_eq!(backlog.behind(106 * MS), Behind::Far);
        backlog.begin(105 * MS);
        backlog.end(10, 5 * MS);
        assert_eq!(backlog.behind(106 * MS), Behind::No, "it is at later ones");
        backlog.end(300, 2 * MS);
        // It was idle since: what is sent now does not wait since then.
        backlog.send(300, 500 * MS);
        assert_eq!(backlog.behind(501 * MS), Behind::No);
        assert_eq!(backlog.take_longest(), Duration::from_millis(5));
        assert_eq!(backlog.take_longest(), Duration::ZERO);
    }

    #[test]
    fn what_tells_least_is_spared_first() {
        let (syn, ack) = (header(1, SampleFlags::EMPTY), header(2, SampleFlags::EMPTY));
        let (query, hello) = (header(1, 0), header(4, 0));
        let reopening = header(1, SampleFlags::EMPTY | SampleFlags::REOPENED);
        let spared = |behind: Behind| {
            [syn, ack, query, hello, reopening].map(|header| behind.spares(&header))
        };
        assert_eq!(spared(Behind::No), [false; 5]);
        assert_eq!(spared(Behind::Little), [true, true, false, false, false]);
        assert_eq!(spared(Behind::Far), [true, true, true, false, false]);
    }

    #[test]
    fn what_is_shown_first_and_came_later_is_not_spared() {
        // The kernel held back the handshake before the one, and the same question before the other.
        let mut hello = header(1, 0);
        hello.sequence.upper.known = Known::INITIAL | Known::CONFIRMED;
        let again = header(1, SampleFlags::LOSS | SampleFlags::UNDER_WAY);
        assert_eq!([hello, again].map(|header| Behind::Far.spares(&header)), [false; 2]);
        // Whoever sends data without a handshake floods as well as who sends SYNs.
        let mut stray = header(1, SampleFlags::UNDER_WAY);
        stray.sequence.lower.known = Known::ACKNOWLEDGED;
        assert!(Behind::Far.spares(&stray));
        hello.flags = SampleFlags::EMPTY;
        assert!(Behind::Little.spares(&hello), "nDPI does without it still");
    }
}
