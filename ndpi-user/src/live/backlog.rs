//! How far a worker is behind, and what is kept from it then.
//!
//! Samples wait in the worker's rings. A flood of new flows, of which most will never say anything, would make
//! the samples wait that complete a classification, and a flow that is to be blocked passes for as long.
//! So where a worker is behind, it leaves out what nDPI can do without: TCP packets without
//! payload first, then the first packets of flows, unless they open QUIC connections (`feed`, bounded by `initials`). What comes later in a
//! flow is always looked at, and what comes behind a handshake, of which the kernel may have held back all: a flood
//! that nobody answers has none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ndpi_common::{Known, SampleFlags, SampleHeader};
use ndpi_kernel::{Gauge, Waiting};

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

/// Bytes of a small sample in a ring.
const SMALL: usize = 176;

/// A worker is behind when so many bytes wait, and it looks at what was seen so long ago. Either
/// alone is a moment in which another thread had the CPU.
const BEHIND: [(Behind, usize, Duration); 2] = [
    (Behind::Far, 128 * SMALL, Duration::from_millis(6)),
    (Behind::Little, 64 * SMALL, Duration::from_millis(3)),
];

impl Behind {
    /// How far a worker is behind that looks at a sample which waits so.
    pub(super) fn of(waiting: Waiting) -> Self {
        let found = BEHIND
            .into_iter()
            .find(|(_, many, long)| waiting.bytes >= *many && waiting.time >= *long);
        found.map_or(Self::No, |(behind, ..)| behind)
    }

    /// Whether nDPI does without the sample of this header now.
    pub(super) fn spares(self, header: &SampleHeader) -> bool {
        if self == Self::No || header.flags & SampleFlags::TELLING != 0 {
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

/// What others may know of a worker. Times are nanoseconds since boot.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// What waits in its rings, where it has some.
    rings: Option<Gauge>,
    /// Samples that were left out.
    spared: AtomicU64,
    /// The longest that a sample took from the packet to the end of its inspection, since it was asked for.
    longest_ns: AtomicU64,
    /// When the worker began with the message or sample that it is at; 0 while it waits for one.
    at_work_ns: AtomicU64,
    /// It has been at it for so long that nobody is to wait for it.
    is_stuck: AtomicBool,
}

impl Backlog {
    /// That of a worker with these rings.
    pub(super) fn of(rings: Gauge) -> Self {
        Self { rings: Some(rings), ..Self::default() }
    }

    /// The worker is done with a sample, which took so long.
    pub(super) fn end(&self, took_ns: u64) {
        if took_ns > self.longest_ns.load(Ordering::Relaxed) {
            self.longest_ns.fetch_max(took_ns, Ordering::Relaxed);
        }
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

    /// The worker left a sample out.
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
}

impl Queue for Backlog {
    fn waiting_bytes(&self) -> usize {
        self.rings.as_ref().map_or(0, Gauge::bytes)
    }

    fn is_stuck(&self) -> bool {
        self.is_stuck()
    }

    fn left_out(&self) -> u64 {
        self.spared()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(number: u32, flags: u32) -> SampleHeader {
        // SAFETY: integers and byte arrays only: all zeros is a header.
        let header: SampleHeader = unsafe { std::mem::zeroed() };
        SampleHeader { number, flags, ..header }
    }

    #[test]
    fn a_worker_is_behind_when_much_waits_and_for_long() {
        let behind = |bytes, ms| {
            let time = Duration::from_millis(ms);
            Behind::of(Waiting { time, bytes, is_overtaken: false })
        };
        assert_eq!(behind(10 * SMALL, 100), Behind::No, "little waits, if for long");
        assert_eq!(behind(300 * SMALL, 2), Behind::No, "much waits, if not for long");
        assert_eq!(behind(100 * SMALL, 10), Behind::Little);
        assert_eq!(behind(300 * SMALL, 4), Behind::Little);
        assert_eq!(behind(300 * SMALL, 6), Behind::Far);
    }

    #[test]
    fn the_longest_is_asked_for_once() {
        let backlog = Backlog::default();
        for ns in [2_000_000, 5_000_000, 1_000_000] {
            backlog.end(ns);
        }
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
