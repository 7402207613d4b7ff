//! Where a capture's bytes come from: a file, standard input or any reader, decompressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::event::{PollFd, PollFlags, poll};

use super::Problem;
use super::gzip::GzipReader;
use super::zstd::ZstdReader;

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8]; // RFC 1952, method deflate
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd]; // RFC 8878
/// Bytes that a decompressor asks of the file at a time.
const COMPRESSED_STEP: usize = 64 << 10;

/// How much of a capture's file has been read. Clones watch the same reading.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    /// Bytes of the file, as it lies on the disk, that have been read.
    pub fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Bytes that the file has; `None` for a stream.
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// A capture's bytes, decompressed.
pub(super) struct Source {
    pub(super) reader: Box<dyn Read + Send>,
    pub(super) progress: Progress,
}

impl Source {
    pub(super) fn open(path: &Path, stop: Option<Arc<OwnedFd>>) -> Result<Self, Problem> {
        let file = if path == Path::new("-") {
            // Without the buffer of `Stdin`: what is in it does not show in its descriptor.
            File::from(io::stdin().as_fd().try_clone_to_owned().map_err(Problem::Open)?)
        } else {
            File::open(path).map_err(Problem::Open)?
        };
        let about = file.metadata().map_err(Problem::Open)?;
        if about.is_dir() {
            return Err(Problem::Open(io::ErrorKind::IsADirectory.into()));
        }
        let length = about.is_file().then_some(about.len());
        let reader: Box<dyn Read + Send> = match stop.filter(|_| length.is_none()) {
            Some(stop) => Box::new(Stream { file, stop }),
            None => Box::new(file),
        };
        Ok(Self::new(reader, length)?)
    }

    pub(super) fn new(reader: Box<dyn Read + Send>, total: Option<u64>) -> io::Result<Self> {
        let progress = Progress { total, ..Progress::default() };
        let mut reader = Counted { reader, read: Arc::clone(&progress.read) };
        let mut magic = Vec::with_capacity(4);
        reader.by_ref().take(4).read_to_end(&mut magic)?;
        Ok(Self { reader: decompress(magic, reader), progress })
    }
}

fn decompress(magic: Vec<u8>, rest: Counted) -> Box<dyn Read + Send> {
    let gzip = magic.starts_with(&GZIP_MAGIC);
    let zstd = magic == ZSTD_MAGIC || is_skippable_frame(&magic);
    let whole = Cursor::new(magic).chain(rest);
    if gzip {
        Box::new(GzipReader::new(buffered(whole)))
    } else if zstd {
        Box::new(ZstdReader::new(buffered(whole)))
    } else {
        Box::new(whole)
    }
}

fn buffered(whole: Chain<Cursor<Vec<u8>>, Counted>) -> impl BufRead + Send {
    BufReader::with_capacity(COMPRESSED_STEP, whole)
}

/// Compressors that work in parallel begin with a skippable frame: magic 0x184D2A50 to 5F.
fn is_skippable_frame(magic: &[u8]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// What may have nothing for long. It ends when it is stopped.
struct Stream {
    file: File,
    /// Can be read from when it is.
    stop: Arc<OwnedFd>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut fds = [
            PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.stop.as_fd(), PollFlags::IN),
        ];
        poll(&mut fds, None)?;
        if fds[1].revents().is_empty() { self.file.read(buffer) } else { Ok(0) }
    }
}

/// Counts what is read.
struct Counted {
    reader: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.read.fetch_add(n as u64, Relaxed);
        Ok(n)
    }
}
