//! The reader of all rings.

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
use super::merge::Merge;
use super::ring::Ring;
use crate::clock::ktime_ns;

/// The share of a ring that may be held before it is given back within a pass.
const HOLD: usize = 8;
/// The most that may be held. The kernel holds packets back by what it takes for waiting, see
/// [`ndpi_common::Reason::HeldBack`].
const MOST_HELD: usize = 32 << 10;

/// All rings, read by one thread.
#[derive(Debug)]
pub struct Rings {
    by_cpu: Vec<Ring>,
    /// The header of the record that stands at the reader's position of each ring.
    heads: Vec<Option<Head>>,
    merge: Merge,
    epoll: OwnedFd,
    waker: Waker,
    coalescing: Coalescing,
    malformed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    header: SampleHeader,
    /// The length of the whole record in bytes.
    len: usize,
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
    pub(crate) fn new(rings: Vec<Ring>) -> Result<Self, RingsError> {
        let failed =
            |source: rustix::io::Errno| RingsError { doing: "watch", source: source.into() };
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(failed)?;
        let waker = Waker::new().map_err(|source| RingsError { doing: "watch", source })?;
        epoll::add(&epoll, &waker.0, EventData::new_u64(u64::MAX), EventFlags::IN)
            .map_err(failed)?;
        for ring in &rings {
            epoll::add(&epoll, ring, EventData::new_u64(0), EventFlags::IN).map_err(failed)?;
        }
        let heads = vec![None; rings.len()];
        Ok(Self {
            by_cpu: rings,
            heads,
            merge: Merge::default(),
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

    /// Hands out the samples that are there, in the order of time over all CPUs, or waits for some
    /// for at most `timeout` (`None`: as long as it takes). A sample's bytes lie in the ring itself
    /// and are gone when `each` returns.
    ///
    /// # Errors
    ///
    /// The kernel refused the wait, which it has no reason to.
    pub fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut each: impl FnMut(&SampleHeader, &[u8]),
    ) -> Result<Polled, RingsError> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let samples = self.drain(&mut each);
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let wait = match samples {
                // What was left for the next pass is ready already.
                0 if !self.merge.left() => left,
                _ => Some(Duration::ZERO),
            };
            let woken = self.wait(wait)?;
            if !woken && wait != Some(Duration::ZERO) {
                let pause = self.coalescing.pause(Instant::now());
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
            }
            if samples > 0 || woken || left.is_some_and(|left| left.is_zero()) {
                return Ok(Polled { samples, woken });
            }
        }
    }

    /// Hands out what was seen before this call; does not wait.
    pub fn drain(&mut self, mut each: impl FnMut(&SampleHeader, &[u8])) -> usize {
        self.merge.begin(ktime_ns());
        for index in 0..self.by_cpu.len() {
            self.load_head(index);
        }
        let mut samples = 0;
        while let Some(index) = self.merge.next() {
            samples += usize::from(self.hand_out(index, &mut each));
            self.load_head(index);
        }
        self.by_cpu.iter_mut().for_each(Ring::release);
        // Either the next pass sees a record that is committed from here on, or the kernel sees
        // that this reader had caught up, and wakes it.
        fence(Ordering::SeqCst);
        samples
    }

    /// Wakes a thread that waits in [`Rings::poll`]; to be kept by who stops the reader.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// How many records could not be read; any is a fault of the kernel side.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Reads the header at the ring's position and lets it take part in the pass.
    fn load_head(&mut self, index: usize) {
        let ring = &mut self.by_cpu[index];
        self.heads[index] = None;
        while let Some(record) = ring.peek() {
            let len = record.len();
            if let Some((header, _)) = SampleHeader::split(record) {
                self.heads[index] = Some(Head { header, len });
                self.merge.offer(index, header.ktime_ns);
                return;
            }
            ring.skip(len);
            self.malformed += 1;
        }
    }

    fn hand_out(&mut self, index: usize, each: &mut impl FnMut(&SampleHeader, &[u8])) -> bool {
        let (ring, head) = (&mut self.by_cpu[index], self.heads[index].take());
        let (Some(head), Some(record)) = (head, ring.peek()) else { return false };
        let bytes = &record[size_of::<SampleHeader>()..][..head.header.captured as usize];
        each(&head.header, bytes);
        ring.skip(head.len);
        if ring.held() > (ring.size() / HOLD).min(MOST_HELD) {
            ring.release();
        }
        true
    }

    /// Waits until a ring has records, or the waker was used; says whether it was.
    fn wait(&self, timeout: Option<Duration>) -> Result<bool, RingsError> {
        let timeout = timeout.map(|t| Timespec::try_from(t).unwrap_or(LONG));
        let mut events = Vec::with_capacity(8);
        let waited =
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref());
        match waited {
            // A signal's handler has something to say to the caller's loop.
            Err(rustix::io::Errno::INTR) | Ok(_) => Ok(self.waker.take()),
            Err(source) => Err(RingsError { doing: "wait for", source: source.into() }),
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
