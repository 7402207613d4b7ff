//! Captures: pcap and pcapng, plain or compressed, from a file or a stream.
//!
//! [`Capture::open`] says what it is by its first bytes; [`Capture::next_packet`] lends one packet
//! after another out of one buffer, which grows to the longest record and not beyond a bound.
//! Where files were put behind one another (`cat a.pcap b.pcap`), each is read by its own header, see
//! [`Capture::others`]; zeros behind the last record or the compressed data are no part of it.
//! Nothing in a capture is believed: a length that lies or a record cut short ends the reading with
//! a [`CaptureError`] that names the capture and the byte.

mod error;
mod foreign;
mod gzip;
mod magic;
mod padding;
mod pcap;
mod pcapng;
mod record;
mod source;
mod window;
mod zstd;

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use ndpi_text::shown;
use serde::{Deserialize, Serialize};

pub use error::{CaptureError, Problem};
pub use foreign::Foreign;
pub use record::LONGEST_RECORD;
pub use source::Progress;

use crate::packet::{LinkType, Packet};
use record::{Found, Next};
use source::Source;
use window::Window;

/// A capture being read.
pub struct Capture {
    name: String,
    window: Window,
    format: Format,
    progress: Progress,
    /// Packets that were lent.
    packets: u64,
    others: Others,
    /// What ends the reading, once it is known; reported once.
    ended: Option<CaptureError>,
    done: bool,
}

/// Captures that begin inside of another's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Others {
    /// How many there are.
    pub count: u64,
    /// Where the first of them begins, in bytes of the decompressed file.
    pub first: u64,
}

enum Format {
    Pcap(pcap::Pcap),
    PcapNg(pcapng::PcapNg),
}

impl Capture {
    /// Opens the capture at `path`; `-` is standard input.
    ///
    /// # Errors
    /// When the file cannot be opened or read, or is no capture.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::open_until(path, None)
    }

    /// The same; of what is no file, as standard input, nothing more is waited for when `stop` can be
    /// read from: it then ends where it is.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_until(path: &Path, stop: Option<Arc<OwnedFd>>) -> Result<Self, CaptureError> {
        let name = if path == Path::new("-") { "stdin".into() } else { shown(path).to_string() };
        let source = Source::open(path, stop).map_err(|e| CaptureError::new(&name, 0, e))?;
        Self::start(name, source)
    }

    /// Reads a capture, plain or compressed, from `reader`. Errors call it `name`.
    ///
    /// # Errors
    /// When the first bytes cannot be read or are not those of a capture.
    pub fn from_reader(
        name: impl Into<String>,
        reader: impl Read + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let name = name.into();
        let source = Source::new(Box::new(reader), None);
        let source = source.map_err(|e| CaptureError::new(&name, 0, e))?;
        Self::start(name, source)
    }

    fn start(name: String, source: Source) -> Result<Self, CaptureError> {
        let mut window = Window::new(source.reader);
        let format = Format::recognise(&mut window);
        let format = format.map_err(|e| CaptureError::new(&name, window.offset(), e))?;
        Ok(Self {
            name,
            window,
            format,
            progress: source.progress,
            packets: 0,
            others: Others::default(),
            ended: None,
            done: false,
        })
    }

    /// What the capture is called in errors and records: its path, or `stdin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much of the file has been read; can be watched from another thread.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The next packet, or `None` at the end. After an error there is nothing more.
    ///
    /// # Errors
    /// When the rest cannot be read: a record that is cut short (what there is of its packet is
    /// handed out first, as a capture with a snapshot length would), a length beyond
    /// [`LONGEST_RECORD`], a block that contradicts itself, or a failing read.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if self.done {
            return self.ended.take().map_or(Ok(None), Err);
        }
        match self.next() {
            Ok(Some(found)) => {
                self.packets += 1;
                if found.missing > 0 {
                    self.cut(found.missing);
                }
                Ok(Some(found.lend(self.window.taken())))
            }
            Ok(None) => Ok(None),
            Err(problem) => {
                self.done = true;
                Err(self.error(problem))
            }
        }
    }

    /// The captures that began inside of this one's file so far.
    pub fn others(&self) -> Others {
        self.others
    }

    #[inline]
    fn next(&mut self) -> Result<Option<Found>, Problem> {
        loop {
            let next = match &mut self.format {
                Format::Pcap(pcap) => pcap.next(&mut self.window),
                Format::PcapNg(pcapng) => pcapng.next(&mut self.window),
            };
            match next? {
                Next::Packet(found) => return Ok(Some(found)),
                Next::End => return Ok(None),
                Next::Another => self.begin_another()?,
            }
        }
    }

    /// Goes on with the capture whose header comes next.
    #[cold]
    fn begin_another(&mut self) -> Result<(), Problem> {
        if self.others.count == 0 {
            self.others.first = self.window.offset();
        }
        self.others.count += 1;
        self.format = Format::recognise(&mut self.window)?;
        Ok(())
    }

    /// Notes that the record just taken lacks `missing` bytes, to be reported after its packet.
    #[cold]
    fn cut(&mut self, missing: usize) {
        let present = self.window.taken().len();
        let length = present + missing;
        self.ended = Some(self.error(Problem::CutPacket { length, present }));
        self.done = true;
    }

    #[cold]
    fn error(&self, problem: Problem) -> CaptureError {
        let packets = self.packets;
        CaptureError { packets, ..CaptureError::new(&self.name, self.window.offset(), problem) }
    }
}

impl Format {
    fn recognise(window: &mut Window) -> Result<Self, Problem> {
        let magic = window.fill(4)?.first_chunk::<4>().copied();
        match magic.map(u32::from_le_bytes) {
            None => Err(Problem::Empty),
            Some(pcap_parser::SHB_MAGIC) => Ok(Self::PcapNg(pcapng::PcapNg::default())),
            Some(_) => Ok(Self::Pcap(pcap::Pcap::start(window)?)),
        }
    }
}

#[cfg(test)]
mod tests;
