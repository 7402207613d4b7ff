//! Where a capture's bytes come from: a file, standard input or any reader, decompressed.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
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
            open(path).map_err(Problem::Open)?
        };
        let about = file.metadata().map_err(Problem::Open)?;
        if about.is_dir() {
            return Err(Problem::Open(io::ErrorKind::IsADirectory.into()));
        }
        let length = about.is_file().then_some(about.len());
        let reader: Box<dyn Read + Send> = match length {
            None => Box::new(Stream { file, stop }),
            Some(_) => Box::new(file),
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

/// Opens what may be a named pipe that nobody writes to yet: its writer is waited for where the wait can
/// be stopped.
fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
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
    stop: Option<Arc<OwnedFd>>,
}

impl Stream {
    /// Waits until there is something to read, or the end; whether it was stopped instead.
    fn wait(&self) -> io::Result<bool> {
        let mut fds = vec![PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::IN)];
        let stop = self.stop.as_ref();
        fds.extend(stop.map(|stop| PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN)));
        poll(&mut fds, None)?;
        Ok(fds.get(1).is_some_and(|stop| !stop.revents().is_empty()))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.wait()? {
                return Ok(0);
            }
            match self.file.read(buffer) {
                // Another reader of the same pipe was faster.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
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
