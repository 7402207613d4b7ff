//! A target: takes the bytes of records, and says what comes next where it cannot.

use std::io;

/// Takes the bytes of records.
pub(crate) trait Target: Send {
    /// What it is called where it cannot be written to.
    fn name(&self) -> String;

    /// Gets ready for the next record; true where something begins with it: a file, a connection.
    ///
    /// # Errors
    ///
    /// It is not ready: it is asked again later.
    fn ready(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    /// How much it is to be given at a time.
    fn unit(&self) -> Unit {
        Unit::Bytes
    }

    /// Takes what a file or a connection begins with, before its first record; as [`write`](Self::write).
    ///
    /// # Errors
    ///
    /// It took none.
    fn begin(&mut self, preamble: &[u8]) -> io::Result<usize> {
        self.write(preamble, 0)
    }

    /// Records that it took and that nobody has confirmed; those of most targets are written when they are taken. It is
    /// asked again and again while there are some.
    fn unconfirmed(&self) -> u64 {
        0
    }

    /// What it could not do though it takes records, in words; `None` where all is well.
    fn trouble(&self) -> Option<&str> {
        None
    }

    /// Takes bytes, in which so many records begin; says how many bytes it took.
    ///
    /// # Errors
    ///
    /// It took none. See [`after`](Self::after).
    fn write(&mut self, bytes: &[u8], records: usize) -> io::Result<usize>;

    /// What comes next after an error.
    fn after(&mut self, error: &io::Error) -> Next;
}

/// How much a target is given at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// As much as is right to see that it takes something.
    Bytes,
    /// One record.
    Record,
    /// All that was gathered.
    All,
}

/// What comes next after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The rest, a little later.
    Rest,
    /// The record once more from its beginning, a little later.
    Record,
    /// Nothing: nobody can read it any more.
    Nothing,
}

/// Whether an error says that nobody can ever read what is written.
pub(super) fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted | NotConnected)
}
