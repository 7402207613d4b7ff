//! A buffer that slides over a stream.

use std::io::{self, ErrorKind, Read};

/// Bytes asked of the stream at a time. Fits the second-level cache, so that what has just been
/// read is still near when it is parsed.
const STEP: usize = 256 << 10;

/// The part of a stream that is in memory.
pub(super) struct Window {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// The record taken last: `buffer[taken..start]`.
    taken: usize,
    /// Unread bytes: `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Bytes of the stream before `taken`.
    offset: u64,
}

impl Window {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self { reader, buffer: vec![0; STEP], taken: 0, start: 0, end: 0, offset: 0 }
    }

    /// Where the record taken last begins in the stream, or the next one if the stream's reading
    /// stopped before it was taken.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes at least `wanted` unread bytes present and returns all that are; fewer than `wanted`
    /// only at the end of the stream. Lets go of the record taken before.
    #[inline]
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.offset += (self.start - self.taken) as u64;
        self.taken = self.start;
        if self.end - self.start < wanted {
            self.read(wanted)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Takes the next `len` bytes, which must be present, as the current record.
    #[inline]
    pub(super) fn take(&mut self, len: usize) {
        debug_assert!(len <= self.end - self.start, "only what `fill` has shown can be taken");
        self.start += len;
    }

    /// The record taken last.
    #[inline]
    pub(super) fn taken(&self) -> &[u8] {
        &self.buffer[self.taken..self.start]
    }

    /// Steps over `len` bytes without keeping them; says how many there were.
    pub(super) fn skip(&mut self, len: usize) -> io::Result<usize> {
        let mut left = len;
        while left > 0 {
            let present = self.fill(left.min(STEP))?.len().min(left);
            if present == 0 {
                break;
            }
            self.take(present);
            left -= present;
        }
        Ok(len - left)
    }

    /// Steps over zeros; says whether the stream ends with them.
    #[cold]
    pub(super) fn skip_zeros(&mut self) -> io::Result<bool> {
        loop {
            let bytes = self.fill(1)?;
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            match (zeros, bytes.len()) {
                (_, 0) => return Ok(true),
                (zeros, all) if zeros < all => {
                    self.take(zeros);
                    return Ok(false);
                }
                _ => self.take(zeros),
            }
        }
    }

    #[cold]
    fn read(&mut self, wanted: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        (self.taken, self.start) = (0, 0);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted.next_power_of_two(), 0);
        }
        while self.end < wanted {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
