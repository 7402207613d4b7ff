//! Memory that processes share which were one when it was made.

use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU32;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::deaths::Deaths;
use super::exchange::Exchange;

/// What is known of the workers, and a place for each thread to ask at.
#[repr(C)]
pub(super) struct Head {
    /// Which worker answers, counted from 1; 0 while there is none.
    pub(super) worker: AtomicU32,
    /// How the workers have ended.
    pub(super) deaths: Deaths,
    /// 1 while none is started, as too many have died.
    pub(super) pausing: AtomicU32,
    /// The worker that is to be ended, as it does not answer.
    pub(super) unwanted: AtomicU32,
    /// The keeper's process, and the worker's: whoever wants to see what they take of memory looks for them. A worker
    /// that is hostile may name others here.
    pub(super) processes: [AtomicU32; 2],
    /// How often workers were asked to give memory back.
    pub(super) trims: AtomicU32,
}

/// The memory: mapped as long as this is. All of it is atomic: the other side may write to it at any time.
#[derive(Debug)]
pub(super) struct Memory {
    head: NonNull<Head>,
    exchanges: NonNull<Exchange>,
    count: usize,
}

// SAFETY: it gives out shared references to atomics alone, and is unmapped by whoever drops it last.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Makes it, with a place for each of `count` threads.
    pub(super) fn new(count: usize) -> io::Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let start = unsafe {
            mmap_anonymous(ptr::null_mut(), Self::bytes(count), access, MapFlags::SHARED)
        }?;
        let head = NonNull::new(start.cast::<Head>()).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: within the mapping, which `bytes` has made large enough.
        let exchanges = unsafe { head.byte_add(Self::first()).cast() };
        Ok(Self { head, exchanges, count })
    }

    pub(super) fn head(&self) -> &Head {
        // SAFETY: mapped and aligned to a page; zeros are a value of it.
        unsafe { self.head.as_ref() }
    }

    /// The places at which threads ask.
    pub(super) fn exchanges(&self) -> &[Exchange] {
        // SAFETY: mapped behind the head, so many of them, aligned by `first`; zeros are a value.
        unsafe { slice::from_raw_parts(self.exchanges.as_ptr(), self.count) }
    }

    /// Where the first exchange is.
    const fn first() -> usize {
        size_of::<Head>().next_multiple_of(align_of::<Exchange>())
    }

    const fn bytes(count: usize) -> usize {
        Self::first() + count * size_of::<Exchange>()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: made by `new` with this length, and no reference outlives the owner. Failure would leave it
        // mapped, which harms nobody.
        let _ = unsafe { munmap(self.head.as_ptr().cast(), Self::bytes(self.count)) };
    }
}
