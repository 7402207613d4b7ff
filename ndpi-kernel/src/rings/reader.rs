//! The reader of a worker's rings.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::thread;
use std::time::{Duration, Instant};

use ndpi_common::SampleHeader;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

use super::coalesce::Coalescing;
use super::precedence::{Head, Lane, Precedence};
use super::ring::{At, Level, Ring};
use super::stall::Stall;
use crate::clock::ktime_ns;

/// The share of a ring that may be held before it is given back within a pass.
const HOLD: usize = 8;
/// The most that may be held. The kernel holds packets back by what it takes for waiting, see
/// [`ndpi_common::Reason::HeldBack`].
const MOST_HELD: usize = 32 << 10;

/// What the kernel says is ready.
const OF_WAKER: EventData = EventData::new_u64(u64::MAX);
const OF_RING: EventData = EventData::new_u64(0);

/// Records that a pass takes at most: what becomes urgent meanwhile waits for no more of them.
const MOST_AT_ONCE: usize = 16;

/// Passes behind one another until the caller has its turn, which does more than to take samples.
const PASSES: usize = 4;

/// The two rings of a worker, read by one thread.
#[derive(Debug)]
pub struct Rings {
    common: Queue,
    urgent: Queue,
    precedence: Precedence,
    /// What is there, or will be in a moment, and was not taken by the last pass.
    is_left: bool,
    epoll: OwnedFd,
    waker: Waker,
    coalescing: Coalescing,
    malformed: u64,
}

/// A ring, and the header of the record that stands at the reader's position.
#[derive(Debug)]
struct Queue {
    ring: Ring,
    next: Option<Next>,
    stall: Stall,
}

/// How long a sample has waited, and behind how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// From the packet to the pass that takes it.
    pub time: Duration,
    /// Bytes that wait, with it, in the ring of what is not urgent.
    pub bytes: usize,
    /// Urgent samples that came later were handed out before: those of its flow are among them.
    pub is_overtaken: bool,
}

#[derive(Clone, Copy, Debug)]
struct Next {
    header: SampleHeader,
    /// The length of the whole record in bytes.
    len: usize,
}

/// How much waits in the rings of a worker, whatever it does.
#[derive(Clone, Debug)]
pub struct Gauge([Level; 2]);

impl Gauge {
    /// Bytes that were not given back to the kernel.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(Level::bytes).sum()
    }
}

/// What a call of [`Rings::poll`] brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// Samples handed out.
    pub samples: usize,
    /// [`Waker::wake`] was called since the last poll.
    pub woken: bool,
}

/// The rings could not be waited for.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} the rings of samples")]
pub struct RingsError {
    doing: &'static str,
    source: io::Error,
}

impl Rings {
    pub(crate) fn new(common: Ring, urgent: Ring) -> Result<Self, RingsError> {
        let failed =
            |source: rustix::io::Errno| RingsError { doing: "watch", source: source.into() };
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(failed)?;
        let waker = Waker::new().map_err(|source| RingsError { doing: "watch", source })?;
        epoll::add(&epoll, &waker.0, OF_WAKER, EventFlags::IN).map_err(failed)?;
        for ring in [&common, &urgent] {
            epoll::add(&epoll, ring, OF_RING, EventFlags::IN).map_err(failed)?;
        }
        Ok(Self {
            common: Queue::new(common),
            urgent: Queue::new(urgent),
            precedence: Precedence::default(),
            is_left: false,
            epoll,
            waker,
            coalescing: Coalescing::new(Duration::ZERO),
            malformed: 0,
        })
    }

    /// Coalesces wake-ups: waits for `pause` when the reader is woken more than a thousand times a second,
    /// which costs the CPUs that see the packets more than showing them does. 0, the default, always
    /// reads at once.
    pub fn set_coalescing(&mut self, pause: Duration) {
        self.coalescing = Coalescing::new(pause);
    }

    /// Hands out samples that are there, or waits for some for at most `timeout` (`None`: as long as it
    /// takes). They come in the order of time; where those that are not urgent wait for long, urgent ones
    /// come before them (see [`Waiting::is_overtaken`]). A sample's bytes lie in the ring itself and are gone
    /// when `each` returns.
    ///
    /// # Errors
    ///
    /// The kernel refused the wait, which it has no reason to.
    pub fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut each: impl FnMut(&SampleHeader, &[u8]),
    ) -> Result<Polled, RingsError> {
        self.serve(timeout, |header, bytes, _| each(header, bytes))
    }

    /// The same as [`Rings::poll`], with what is to be known of those that wait.
    ///
    /// # Errors
    ///
    /// As [`Rings::poll`].
    pub fn serve(
        &mut self,
        timeout: Option<Duration>,
        mut each: impl FnMut(&SampleHeader, &[u8], Waiting),
    ) -> Result<Polled, RingsError> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut woken = false;
        loop {
            let samples = self.passes(&mut each);
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let wait = match samples {
                // What was left for the next pass is ready already.
                0 if !self.is_left => left,
                _ => Some(Duration::ZERO),
            };
            let is_woken = self.wait(wait)?;
            woken |= is_woken;
            if !is_woken && wait != Some(Duration::ZERO) {
                let pause = self.coalescing.pause(Instant::now());
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
            }
            let is_over = woken || left.is_some_and(|left| left.is_zero());
            if samples > 0 || is_over && !self.is_left {
                return Ok(Polled { samples, woken });
            }
        }
    }

    /// Hands out what was seen before this call; does not wait.
    pub fn drain(&mut self, mut each: impl FnMut(&SampleHeader, &[u8])) -> usize {
        let (until, mut samples) = (ktime_ns(), 0);
        loop {
            let more = self.pass(until, &mut |header, bytes, _| each(header, bytes));
            samples += more;
            if more == 0 {
                return samples;
            }
        }
    }

    /// How much waits in both rings, for any thread to see.
    pub fn gauge(&self) -> Gauge {
        Gauge([&self.common, &self.urgent].map(|queue| queue.ring.level()))
    }

    /// For how long at most a record that was being written has kept the reader from those behind it: of the
    /// common ring, and of the urgent one.
    pub fn longest_stalls(&self) -> [Duration; 2] {
        [&self.common, &self.urgent].map(|queue| Duration::from_nanos(queue.stall.longest()))
    }

    /// Passes while there is more than one takes; returns how many samples they handed out.
    fn passes(&mut self, each: &mut impl FnMut(&SampleHeader, &[u8], Waiting)) -> usize {
        let mut samples = 0;
        for _ in 0..PASSES {
            let more = self.pass(ktime_ns(), each);
            samples += more;
            if more < MOST_AT_ONCE {
                break;
            }
        }
        samples
    }

    /// Hands out a few of those that were seen by `until`.
    fn pass(&mut self, until: u64, each: &mut impl FnMut(&SampleHeader, &[u8], Waiting)) -> usize {
        self.precedence.begin(until);
        let mut samples = 0;
        self.is_left = loop {
            self.malformed += self.common.look(until) + self.urgent.look(until);
            let (common, urgent) = (self.common.head(), self.urgent.head());
            let next = self.precedence.next(common, urgent, self.common.ring.unread());
            let Some(lane) = next.filter(|_| samples < MOST_AT_ONCE) else {
                break self.precedence.is_near(common) || self.precedence.is_near(urgent);
            };
            self.hand_out(lane, each);
            samples += 1;
        };
        self.common.ring.release();
        self.urgent.ring.release();
        // Either the next pass sees a record that is committed from here on, or the kernel sees
        // that this reader had caught up, and wakes it.
        fence(Ordering::SeqCst);
        samples
    }

    fn hand_out(&mut self, lane: Lane, each: &mut impl FnMut(&SampleHeader, &[u8], Waiting)) {
        let bytes = self.common.ring.unread();
        let (queue, is_urgent) = match lane {
            Lane::Common => (&mut self.common, false),
            Lane::Urgent => (&mut self.urgent, true),
        };
        let Head::At(time) = queue.head() else { return };
        let is_overtaken = !is_urgent && self.precedence.is_overtaken(time);
        let waiting = Waiting { time: self.precedence.waited(time), bytes, is_overtaken };
        queue.hand_out(|header, bytes| each(header, bytes, waiting));
    }

    /// Wakes a thread that waits in [`Rings::poll`]; to be kept by who stops the reader.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// How many records could not be read; any is a fault of the kernel side.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Waits until a ring has records, or the waker was used; says whether it was.
    fn wait(&self, timeout: Option<Duration>) -> Result<bool, RingsError> {
        let timeout = timeout.map(|t| Timespec::try_from(t).unwrap_or(LONG));
        let mut events = Vec::with_capacity(8);
        let waited =
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref());
        match waited {
            Ok(_) => {
                let is_used = events.iter().any(|event| event.data.u64() == OF_WAKER.u64());
                Ok(is_used && self.waker.take())
            }
            // A signal's handler has something to say to the caller's loop.
            Err(rustix::io::Errno::INTR) => Ok(self.waker.take()),
            Err(source) => Err(RingsError { doing: "wait for", source: source.into() }),
        }
    }
}

impl Queue {
    fn new(ring: Ring) -> Self {
        Self { ring, next: None, stall: Stall::default() }
    }

    /// Reads the header at the ring's position, if that is not done; returns how many records before it could
    /// not be read. It is `now`.
    fn look(&mut self, now: u64) -> u64 {
        let mut malformed = 0;
        let is_busy = loop {
            if self.next.is_some() {
                break false;
            }
            let len = match self.ring.at_next() {
                At::Record(len) => len,
                At::Busy => break true,
                At::Nothing => break false,
            };
            let split = SampleHeader::split(self.ring.record(len));
            self.next = split.map(|(header, _)| Next { header, len });
            if self.next.is_none() {
                self.ring.skip(len);
                malformed += 1;
            }
        };
        self.stall.note(is_busy, now);
        malformed
    }

    /// What stands at the ring's position.
    fn head(&self) -> Head {
        match (&self.next, self.stall.since()) {
            (Some(next), _) => Head::At(next.header.ktime_ns),
            (None, Some(since)) => Head::Busy(since),
            (None, None) => Head::Empty,
        }
    }

    /// Hands out the record whose header was read.
    fn hand_out(&mut self, each: impl FnOnce(&SampleHeader, &[u8])) {
        let Some(next) = self.next.take() else { return };
        let record = self.ring.record(next.len);
        let bytes = &record[size_of::<SampleHeader>()..][..next.header.captured as usize];
        each(&next.header, bytes);
        self.ring.skip(next.len);
        if self.ring.held() > (self.ring.size() / HOLD).min(MOST_HELD) {
            self.ring.release();
        }
    }
}

/// A day: longer waits are cut to it.
const LONG: Timespec = Timespec { tv_sec: 86_400, tv_nsec: 0 };

/// Ends a wait from any other thread: that of the reader of the rings, or for changes of interfaces.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// One that nobody has used yet.
    ///
    /// # Errors
    ///
    /// If there is no descriptor left for it (eventfd(2)).
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(Arc::new(eventfd(0, flags)?)))
    }

    /// What becomes readable when it is used.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Lets the current or else the next wait return at once.
    pub fn wake(&self) {
        // It fails only when 2^64 - 1 calls were not taken, and then the reader wakes anyway.
        let _ = rustix::io::write(self.0.as_fd(), &1u64.to_ne_bytes());
    }

    /// Whether [`Waker::wake`] was called since the last time.
    fn take(&self) -> bool {
        rustix::io::read(self.0.as_fd(), &mut [0; 8]).is_ok()
    }
}
