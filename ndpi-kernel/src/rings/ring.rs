//! One ring buffer, read without copying (`Documentation/bpf/ringbuf.rst`).
//!
//! Unlike aya's reader it leaves records in place until they are released together: that lets
//! several rings be merged, and costs one shared write for many records.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::param::page_size;

/// A record being written (`BPF_RINGBUF_BUSY_BIT`).
const BUSY: u32 = 1 << 31;
/// A record that was given up (`BPF_RINGBUF_DISCARD_BIT`).
const DISCARDED: u32 = 1 << 30;
/// The bytes before each record: its length and flags, and its page (`BPF_RINGBUF_HDR_SZ`).
const HEADER: usize = 8;

/// The reader's side of a ring buffer map.
#[derive(Debug)]
pub(crate) struct Ring {
    fd: OwnedFd,
    /// A page with the reader's position, written here and read by the kernel.
    consumer: Arc<Mapping>,
    /// A page with the writers' position, then the data twice in a row, so that a record that goes
    /// beyond the end is still in one piece. Read-only.
    producer: Arc<Mapping>,
    mask: usize,
    /// The position of the next record to read.
    next: usize,
    /// The position that the kernel knows of: what lies before it may be overwritten.
    released: usize,
}

/// What stands at the reader's position.
pub(super) enum At {
    /// A record of so many bytes.
    Record(usize),
    /// A record that is being written, and hides those behind it.
    Busy,
    /// Nothing.
    Nothing,
}

impl Ring {
    /// Maps a ring buffer of `bytes` bytes into this process.
    pub(crate) fn open(fd: OwnedFd, bytes: u32) -> io::Result<Self> {
        let (page, bytes) = (page_size(), bytes as usize);
        let consumer = Mapping::new(fd.as_fd(), page, ProtFlags::READ | ProtFlags::WRITE, 0)?;
        let producer = Mapping::new(fd.as_fd(), page + 2 * bytes, ProtFlags::READ, page)?;
        let (consumer, producer) = (Arc::new(consumer), Arc::new(producer));
        let mut ring = Self { fd, consumer, producer, mask: bytes - 1, next: 0, released: 0 };
        ring.released = ring.consumer_position().load(Ordering::Acquire);
        ring.next = ring.released;
        Ok(ring)
    }

    /// What is next, of one look at it: asked in two steps, a record could become ready in between, and those
    /// that it hid would look as if they were not there. Steps over records that were given up.
    pub(super) fn at_next(&mut self) -> At {
        loop {
            if self.unread() == 0 {
                return At::Nothing;
            }
            // Pairs with the kernel's exchange when it commits the record.
            let word = self.head(self.next).load(Ordering::Acquire);
            let len = (word & !(BUSY | DISCARDED)) as usize;
            match word {
                _ if word & BUSY != 0 => return At::Busy,
                _ if word & DISCARDED != 0 => self.skip(len),
                _ => return At::Record(len),
            }
        }
    }

    /// The record of `len` bytes that [`Ring::at_next`] found, which stays in place until [`Ring::release`].
    pub(super) fn record(&self, len: usize) -> &[u8] {
        self.data(self.next, HEADER, len)
    }

    /// Steps over the record that [`Ring::at_next`] found, of `len` bytes.
    pub(super) fn skip(&mut self, len: usize) {
        self.next += (HEADER + len).next_multiple_of(8);
    }

    /// Bytes that were read and not yet released.
    pub(super) fn held(&self) -> usize {
        self.next - self.released
    }

    /// Bytes that were written, or are being written, and not read.
    pub(super) fn unread(&self) -> usize {
        self.producer_position().load(Ordering::Acquire).wrapping_sub(self.next)
    }

    /// The size of the ring in bytes.
    pub(super) fn size(&self) -> usize {
        self.mask + 1
    }

    /// Gives the records read so far back to the kernel.
    pub(super) fn release(&mut self) {
        if self.released != self.next {
            self.released = self.next;
            // After the reads of the records, before which the kernel may not overwrite them.
            self.consumer_position().store(self.next, Ordering::Release);
        }
    }

    /// The first word of a record, which the kernel writes while it is looked at: no slice may cover it.
    #[expect(clippy::cast_ptr_alignment, reason = "records start at multiples of 8")]
    fn head(&self, position: usize) -> &AtomicU32 {
        let start = page_size() + (position & self.mask);
        assert!(start + HEADER <= self.producer.len, "a record beyond the ring's end");
        // SAFETY: within the mapping, as just compared, which lives as long as `self`; records start at
        // multiples of 8, so the word is aligned; the kernel writes it atomically, and it is only
        // loaded here, as the mapping is read-only.
        unsafe { self.producer.start.as_ptr().add(start).cast::<AtomicU32>().as_ref_unchecked() }
    }

    /// `len` bytes, `offset` bytes behind a record's start at `position`.
    fn data(&self, position: usize, offset: usize, len: usize) -> &[u8] {
        let start = page_size() + (position & self.mask) + offset;
        assert!(start + len <= self.producer.len, "a record beyond the ring's end");
        // SAFETY: the range was just compared with the mapping's length, the mapping lives as long
        // as `self`, and the kernel leaves records alone between their commit and their release,
        // which takes `&mut self`.
        unsafe { std::slice::from_raw_parts(self.producer.start.as_ptr().add(start), len) }
    }

    fn consumer_position(&self) -> &AtomicUsize {
        self.consumer.position()
    }

    /// Only to be loaded: the mapping is read-only.
    fn producer_position(&self) -> &AtomicUsize {
        self.producer.position()
    }

    /// What shows other threads how much waits.
    pub(super) fn level(&self) -> Level {
        Level { consumer: Arc::clone(&self.consumer), producer: Arc::clone(&self.producer) }
    }
}

/// How full a ring is, for any thread.
#[derive(Clone, Debug)]
pub(super) struct Level {
    consumer: Arc<Mapping>,
    producer: Arc<Mapping>,
}

impl Level {
    /// Bytes that the kernel has written, or is writing, and that were not given back.
    pub(super) fn bytes(&self) -> usize {
        let read = self.consumer.position().load(Ordering::Acquire);
        self.producer.position().load(Ordering::Acquire).saturating_sub(read)
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A shared mapping of a map's pages, unmapped on drop.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread; `Ring` hands out references to it only
// under its own borrow.
unsafe impl Send for Mapping {}

// SAFETY: through a shared reference only the position is read or written, atomically; the records are
// `Ring`'s, under its own borrow.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// The position that the mapping starts with.
    fn position(&self) -> &AtomicUsize {
        // SAFETY: the mapping starts on a page with the position in its first word, and lives as long as
        // `self`; the kernel reads and writes the word atomically.
        unsafe { self.start.cast::<AtomicUsize>().as_ref() }
    }

    fn new(fd: BorrowedFd<'_>, len: usize, access: ProtFlags, offset: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let start = unsafe {
            mmap(std::ptr::null_mut(), len, access, MapFlags::SHARED, fd, offset as u64)
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, len })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: made by `Mapping::new` with this length, and no reference outlives the owner.
        // Failure would leave it mapped, which harms nobody.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}
