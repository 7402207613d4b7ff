//! The place where a thread asks and a worker's thread answers: one message at a time, with
//! all questions that are asked together (`batch`).
//!
//! Only one of the two has anything to do at a time, so both keep to one CPU: the worker's thread goes to that of
//! the thread which asks, and that one lets it go first, where that is quick (`patience`). Else each message would
//! wake a CPU that sleeps, and so would each answer, which takes much longer than the switch from one process to the
//! other (`cargo xtask bench flows` says what comes of it). Where one message follows the other at once, neither sleeps
//! between them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::{Duration, Instant};

use rustix::thread::futex::{self, Flags, Timespec};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity, sched_yield};

use super::haste::Haste;

/// Bytes of a message at most: the longest packet, and what goes with it.
pub(super) const ROOM: usize = 96 << 10;
const WORD: usize = size_of::<u64>();

/// The place. Each side owns the bytes in turn, which the counts say; that the other keeps to it is believed by
/// nobody, so they are copied before they are read.
#[repr(C, align(64))]
pub(super) struct Exchange {
    /// The number of the last message.
    asked: AtomicU32,
    /// The CPU that the last message came from.
    cpu: AtomicU32,
    /// 1 while the thread that has asked sleeps.
    asleep: AtomicU32,
    /// 1 while the worker's thread sleeps. One that says nothing of it is not woken, and ended as one that does not answer.
    idle: AtomicU32,
    /// The last message that a worker has begun with.
    begun: AtomicU32,
    /// Which question of it the worker is at.
    at: AtomicU32,
    /// The last message that was answered.
    answered: AtomicU32,
    /// The last message when the worker was started: it is not for that one.
    before: AtomicU32,
    /// The worker that was ended by a fault of the thread that answers here.
    faulted: AtomicU32,
    length: AtomicU32,
    words: [AtomicU64; ROOM / WORD],
}

/// Whether something is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Yes,
    No,
}

impl Exchange {
    /// Puts a message, and returns its number; `None` where it is too long.
    pub(super) fn ask(&self, message: &[u8]) -> Option<u32> {
        self.put(message)?;
        self.cpu.store(u32::try_from(sched_getcpu()).ok()?, Ordering::Relaxed);
        let number = self.asked.load(Ordering::Relaxed).wrapping_add(1);
        self.asked.store(number, Ordering::Release);
        // Whoever is to answer sees the message, or this sees that it sleeps.
        fence(Ordering::SeqCst);
        if self.idle.load(Ordering::Relaxed) != 0 {
            wake(&self.asked);
        }
        Some(number)
    }

    /// Lets others go first for so long; whether there is an answer then.
    pub(super) fn is_answered_soon(&self, number: u32, yielding: Duration) -> bool {
        let asked = Instant::now();
        while self.answered.load(Ordering::Acquire) != number {
            if asked.elapsed() >= yielding {
                return false;
            }
            sched_yield();
        }
        true
    }

    /// Waits for the answer to a message for a while, and copies it.
    pub(super) fn hear(&self, number: u32, answer: &mut Vec<u8>, within: Duration) -> Seen {
        let is_there = |answered| answered == number;
        if !is_there(self.answered.load(Ordering::Acquire)) {
            self.asleep.store(1, Ordering::Relaxed);
            // Whoever answers sees that this sleeps, or this sees the answer.
            fence(Ordering::SeqCst);
            let is_there = wait_for(&self.answered, is_there, within);
            self.asleep.store(0, Ordering::Relaxed);
            if !is_there {
                return Seen::No;
            }
        }
        self.copy(answer);
        Seen::Yes
    }

    /// Has whoever waits for an answer look whether there will be one.
    pub(super) fn rouse(&self) {
        wake(&self.answered);
    }

    /// Whether the worker that has ended had begun with a message, so that the next one will not.
    pub(super) fn was_begun(&self, number: u32) -> bool {
        self.begun.load(Ordering::Acquire) == number
    }

    /// Which question of a message the worker has begun with.
    pub(super) fn at(&self) -> usize {
        self.at.load(Ordering::Acquire) as usize
    }

    /// Notes that the worker begins with a question of the message.
    pub(super) fn begins(&self, at: usize) {
        self.at.store(u32::try_from(at).unwrap_or(u32::MAX), Ordering::Release);
    }

    /// Whether a message was put before the worker that answers now was started, which leaves it alone.
    pub(super) fn is_left_alone(&self, number: u32) -> bool {
        self.before.load(Ordering::Acquire) == number
    }

    /// The worker that is started next leaves alone what was asked until now.
    pub(super) fn begin(&self) {
        self.before.store(self.asked.load(Ordering::Acquire), Ordering::Release);
    }

    /// Whether a fault of the thread here has ended `worker`.
    pub(super) fn has_faulted(&self, worker: u32) -> bool {
        self.faulted.load(Ordering::Acquire) == worker
    }

    /// Notes that a fault of the thread here ends `worker`. May be called in a signal handler.
    pub(super) fn note_fault(&self, worker: u32) {
        self.faulted.store(worker, Ordering::Release);
    }

    /// How many messages were put.
    #[cfg(test)]
    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The worker's side: answers messages, for ever.
    pub(super) fn serve(&self, mut answer: impl FnMut(&[u8], &mut Vec<u8>)) -> ! {
        let (mut last, mut bytes) = (self.first(), [Vec::new(), Vec::new()]);
        let (mut here, mut haste) = (None, Haste::default());
        loop {
            let began = Instant::now();
            if !self.is_asked_soon(last, haste.yielding()) {
                self.wait_for_message(last);
            }
            haste.waited(began.elapsed());
            let there = self.cpu.load(Ordering::Relaxed);
            if here.replace(there) != Some(there) {
                keep_to(there);
            }
            last = self.serve_next(last, &mut bytes, &mut answer);
        }
    }

    /// The message that the worker which is being started takes for the last one.
    pub(super) fn first(&self) -> u32 {
        self.before.load(Ordering::Acquire)
    }

    /// Answers the next message but `last`, and returns its number. `bytes` are for it and the answer.
    pub(super) fn serve_next(
        &self,
        last: u32,
        [message, said]: &mut [Vec<u8>; 2],
        mut answer: impl FnMut(&[u8], &mut Vec<u8>),
    ) -> u32 {
        self.wait_for_message(last);
        let number = self.asked.load(Ordering::Acquire);
        self.copy(message);
        self.begins(0);
        self.begun.store(number, Ordering::Release);
        said.clear();
        answer(message, said);
        // One that is too long is none, as whoever asked will find.
        if self.put(said).is_none() {
            self.length.store(0, Ordering::Relaxed);
        }
        self.answered.store(number, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) != 0 {
            wake(&self.answered);
        }
        number
    }

    /// Lets others go first for so long; whether there is another message than `last` then.
    fn is_asked_soon(&self, last: u32, yielding: Duration) -> bool {
        let began = Instant::now();
        while self.asked.load(Ordering::Acquire) == last {
            if began.elapsed() >= yielding {
                return false;
            }
            sched_yield();
        }
        true
    }

    /// Sleeps until there is another message than `last`.
    fn wait_for_message(&self, last: u32) {
        self.idle.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        while !wait_for(&self.asked, |asked| asked != last, Duration::MAX) {}
        self.idle.store(0, Ordering::Relaxed);
    }

    fn put(&self, bytes: &[u8]) -> Option<()> {
        if bytes.len() > ROOM {
            return None;
        }
        let (words, rest) = bytes.as_chunks::<WORD>();
        for (place, word) in self.words.iter().zip(words) {
            place.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; WORD];
            last[..rest.len()].copy_from_slice(rest);
            self.words[words.len()].store(u64::from_ne_bytes(last), Ordering::Relaxed);
        }
        self.length.store(u32::try_from(bytes.len()).ok()?, Ordering::Relaxed);
        Some(())
    }

    fn copy(&self, bytes: &mut Vec<u8>) {
        let length = (self.length.load(Ordering::Relaxed) as usize).min(ROOM);
        bytes.resize(length.next_multiple_of(WORD), 0);
        let (words, _) = bytes.as_chunks_mut::<WORD>();
        for (to, word) in words.iter_mut().zip(&self.words) {
            *to = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        bytes.truncate(length);
    }
}

/// Waits until `is_there` holds of a word that the other side wakes this one for; whether it does. It may wait
/// shorter.
pub(super) fn wait_for(word: &AtomicU32, is_there: impl Fn(u32) -> bool, within: Duration) -> bool {
    let now = word.load(Ordering::Acquire);
    if !is_there(now) {
        let within = Timespec::try_from(within).ok();
        // A signal, the time, or that it has changed since: whoever asked looks again.
        let _ = futex::wait(word, Flags::empty(), now, within.as_ref());
    }
    is_there(word.load(Ordering::Acquire))
}

/// Has this thread keep to a CPU. Where it may not, which is up to whoever has divided the CPUs, it stays where it is.
fn keep_to(cpu: u32) {
    let cpu = cpu as usize;
    if cpu < CpuSet::MAX_CPU {
        let mut cpus = CpuSet::new();
        cpus.set(cpu);
        let _ = sched_setaffinity(None, &cpus);
    }
}

/// Wakes all who wait for a word to change.
pub(super) fn wake(word: &AtomicU32) {
    // It fails for bad addresses alone.
    let _ = futex::wake(word, Flags::empty(), i32::MAX.cast_unsigned());
}
