//! What can go wrong with a capture.

use std::io;

use super::LONGEST_RECORD;

/// A capture that cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.describe())]
pub struct CaptureError {
    /// The capture's path, or `stdin`.
    pub capture: String,
    /// Where: the start of the record that cannot be read, counted in the decompressed capture.
    pub offset: u64,
    /// What is wrong there.
    #[source]
    pub problem: Problem,
}

impl CaptureError {
    pub(super) fn new(capture: &str, offset: u64, problem: impl Into<Problem>) -> Self {
        Self { capture: capture.into(), offset, problem: problem.into() }
    }

    fn describe(&self) -> String {
        let Self { capture, offset, problem } = self;
        match problem {
            Problem::Open(error) => format!("cannot open {capture}: {error}"),
            problem => format!("{capture}: byte {offset}: {problem}"),
        }
    }
}

/// What is wrong with a capture.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be opened.
    #[error("cannot open: {0}")]
    Open(io::Error),
    /// The file cannot be read, or its compressed data is damaged.
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    /// There is not even a magic number.
    #[error("not a capture: it has fewer than 4 bytes")]
    Empty,
    /// The first bytes are neither pcap's nor pcapng's.
    #[error("not a pcap or pcapng capture: it begins with {0:02x?}")]
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
    /// A record claims a length that no capture has.
    #[error("a {what} claims {length} bytes, more than the {LONGEST_RECORD} that any has")]
    TooLong {
        /// What claims it.
        what: &'static str,
        /// The length claimed.
        length: u64,
    },
    /// A pcapng block contradicts itself.
    #[error("malformed pcapng {0}")]
    Malformed(&'static str),
    /// A pcapng packet names an interface that its section has not described.
    #[error("a packet of interface {0}, which this section does not describe")]
    UnknownInterface(u32),
}
