//! The kind of a message.

use ndpi_labels::Finding;

/// What the first bytes of a stream are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Message {
    /// Neither of the two messages, or beyond what nDPI has to be helped with.
    Foreign,
    /// Perhaps one of them: more bytes will say.
    Unfinished,
    /// One of them, with all that names its server.
    Whole,
    /// The same, if its sender had written it as most do; and what was found, if anything.
    Rewritten(Vec<u8>, Option<Finding>),
}
