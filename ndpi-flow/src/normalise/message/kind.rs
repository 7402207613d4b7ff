//! The kind of a message.

use ndpi_labels::Finding;

/// What the first bytes of a stream are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Message {
    /// Neither of the two messages, or beyond what nDPI has to be helped with.
    Foreign,
    /// A client hello that is too long to be kept.
    Long,
    /// Perhaps one of them: more bytes will say.
    Unfinished,
    /// One of them, with all that names its server.
    Whole(Whole),
}

/// A message that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Whole {
    /// How many of the bytes are its own. What follows is nothing that may name a server.
    pub(in super::super) length: usize,
    /// The same as most senders write it; `None` where this one has.
    pub(in super::super) rewritten: Option<Vec<u8>>,
    /// It is one that may name a server, and names none: what follows it is not to do so in its place.
    pub(in super::super) is_nameless: bool,
    /// It is a request of one line, without a version.
    pub(in super::super) is_simple: bool,
    /// The name of its server, where nDPI keeps only the end of it.
    pub(in super::super) long_name: Option<Box<str>>,
    /// What was found, if anything.
    pub(in super::super) finding: Option<Finding>,
}

impl Whole {
    /// All bytes, as they came.
    pub(super) fn of_all(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len(),
            rewritten: None,
            is_nameless: false,
            is_simple: false,
            long_name: None,
            finding: None,
        }
    }
}
