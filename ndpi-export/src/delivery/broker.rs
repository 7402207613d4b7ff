//! A server that stores records, whichever protocol it speaks.

use std::os::fd::BorrowedFd;
use std::time::Duration;

pub(super) mod kafka;
pub(super) mod nats;

/// How long a connection may take to come about.
const CONNECT_WAIT: Duration = Duration::from_secs(2);

/// A record to be stored.
pub(super) struct Stored<'a> {
    /// By which whoever publishes it knows it.
    pub(super) number: u64,
    /// The last part of its subject.
    pub(super) kind: &'a str,
    /// What tells it from others of the instance.
    pub(super) id: &'a str,
    /// It itself.
    pub(super) record: &'a [u8],
}

/// What came of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is stored.
    Stored(u64),
    /// It is not, and never will be.
    Refused(u64, String),
    /// One is not, as nothing can be stored at present.
    Failed(String),
}

/// A connection to one. Errors are words, and end it.
pub(super) trait Broker {
    /// Queues a record; an error is about this one alone, which never will be stored.
    fn publish(&mut self, record: &Stored<'_>) -> Result<(), String>;

    /// Sends what is queued, as far as it is taken.
    fn flush(&mut self) -> Result<(), String>;

    /// The next answer, of those that are there by now.
    fn next_answer(&mut self) -> Result<Option<Answer>, String>;

    /// Bytes that are queued.
    fn unsent(&self) -> usize;

    /// Whether it is to be waited for until it takes more.
    fn is_sending(&self) -> bool;

    /// What is to be waited for.
    fn socket(&self) -> BorrowedFd<'_>;
}

/// An error with its causes.
fn in_words(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
