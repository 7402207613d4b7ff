//! Errors of reading a capture.

use std::error::Error;
use std::fmt;
use std::io;

use super::LONGEST_RECORD;
use super::foreign::Foreign;

/// A capture that cannot be read, or not to its end. Its source is what the system said, where it did.
#[derive(Debug)]
pub struct CaptureError {
    /// The capture's path, or `stdin`.
    pub capture: String,
    /// Where: the start of the record that cannot be read, counted in the decompressed capture.
    pub offset: u64,
    /// Packets that were read before, with one that is cut.
    pub packets: u64,
    /// What is wrong there.
    pub problem: Problem,
}

impl CaptureError {
    pub(super) fn new(capture: &str, offset: u64, problem: impl Into<Problem>) -> Self {
        Self { capture: capture.into(), offset, packets: 0, problem: problem.into() }
    }

    /// Whether the file is of another kind altogether, and says nothing of being a capture.
    pub fn is_no_capture(&self) -> bool {
        matches!(self.problem, Problem::Empty | Problem::NotACapture(_))
    }

    /// Whether the file could not even be opened.
    pub fn is_of_opening(&self) -> bool {
        matches!(self.problem, Problem::Open(_))
    }

    /// Its text with that of its source, for a report of one line.
    pub fn in_full(&self) -> String {
        let cause = self.source().map(|source| format!(": {source}"));
        self.describe(&cause.unwrap_or_default())
    }

    /// The text, with `cause` behind what is wrong.
    fn describe(&self, cause: &str) -> String {
        let Self { capture, offset, packets, problem } = self;
        match problem {
            Problem::Open(_) => format!("cannot open {capture}{cause}"),
            Problem::Foreign(foreign) => {
                format!("{capture}: byte {offset}: {}", foreign.advice(capture))
            }
            problem if problem.is_of_the_beginning() => {
                format!("{capture}: byte {offset}: {problem}")
            }
            problem => {
                let packets = match problem {
                    Problem::CutPacket { .. } => read_with_the_last(*packets),
                    _ => read_before(*packets),
                };
                format!("{capture}: byte {offset}: {problem}{cause}; {packets}")
            }
        }
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(""))
    }
}

impl Error for CaptureError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

fn read_before(packets: u64) -> String {
    match packets {
        0 => "no packet was read before".into(),
        1 => "1 packet was read before".into(),
        packets => format!("{packets} packets were read before"),
    }
}

/// Of a capture whose last packet was handed out as far as it is there.
fn read_with_the_last(packets: u64) -> String {
    match packets {
        1 => "1 packet was read, as far as it is there".into(),
        packets => format!("{packets} packets were read, the last as far as it is there"),
    }
}

/// What is wrong with a capture.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be opened.
    #[error("cannot open")]
    Open(#[source] io::Error),
    /// The file cannot be read, or its compressed data is damaged.
    #[error("cannot read")]
    Read(#[source] io::Error),
    /// There is not even a magic number.
    #[error("not a capture: it has fewer than 4 bytes")]
    Empty,
    /// It is of another format, which something converts.
    #[error("not a pcap or pcapng capture but {}", .0.name)]
    Foreign(Foreign),
    /// The first bytes are neither pcap's nor pcapng's, nor those of any other format we know.
    #[error("not a pcap or pcapng capture: it begins with the bytes{}", Hex(.0))]
    NotACapture([u8; 4]),
    /// The file ends inside a record or block.
    #[error("the capture ends inside a {what}: {present} of {length} bytes are there")]
    Cut {
        /// What was cut: a header, a packet record or a block.
        what: &'static str,
        /// Bytes it should have.
        length: usize,
        /// Bytes that are there.
        present: usize,
    },
    /// The file ends inside a packet, of which what there is was handed out.
    #[error("the capture ends inside a packet record: {present} of {length} bytes are there")]
    CutPacket {
        /// Bytes the record should have.
        length: usize,
        /// Bytes that are there.
        present: usize,
    },
    /// A record claims a length that no capture has.
    #[error("a {what} claims {length} bytes, more than the {LONGEST_RECORD} that any has")]
    TooLong {
        /// What claims it.
        what: &'static str,
        /// The length claimed.
        length: u64,
    },
    /// Zeros, as of a file that was made long beforehand, and something behind them.
    #[error("zeros where a {what} should be, and more behind them")]
    Zeros {
        /// What should be there.
        what: &'static str,
    },
    /// A pcapng block contradicts itself.
    #[error("malformed pcapng {0}")]
    Malformed(&'static str),
    /// A pcapng packet names an interface that its section has not described.
    #[error("a packet of interface {0}, which this section does not describe")]
    UnknownInterface(u32),
}

impl Problem {
    /// Whether it is about the file as a whole, of which no packet can have been read.
    fn is_of_the_beginning(&self) -> bool {
        matches!(self, Self::Empty | Self::Foreign(_) | Self::NotACapture(_))
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Bytes in hexadecimal, each after a space.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
    }
}
