//! The part of a decided flow that is kept.

use ndpi::Classification;

use super::details::Details;
use crate::verdict::Verdict;

/// What is kept of a decided flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What nDPI said; `state` as it was before any give-up.
    pub classification: Classification,
    /// Host name and fingerprints.
    pub details: Details,
    /// What the policy made of it; `None` where there is no policy.
    pub verdict: Option<Verdict>,
    /// The flow was over before nDPI had its last word: the verdict came too late to act on.
    pub given_up: bool,
    /// What the decision rests on.
    pub by: DecidedBy,
}

/// What a decision rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DecidedBy {
    /// What nDPI found in the flow's packets.
    #[default]
    Content,
    /// What nDPI said by the first packet alone (`fpc`).
    FirstPacket,
    /// What earlier flows of the server were.
    Server,
    /// What the flow was before it was forgotten.
    Note,
    /// What the QUIC connection is that it goes on with, from another port or address.
    Connection,
    /// What was found in its packets besides, before nDPI had its last word.
    Finding,
    /// A later request on the connection.
    Request,
}

impl DecidedBy {
    /// The word for it in records; what is usual has none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Content => None,
            Self::FirstPacket => Some("first-packet"),
            Self::Server => Some("server"),
            Self::Note => Some("note"),
            Self::Connection => Some("connection"),
            Self::Finding => Some("finding"),
            Self::Request => Some("request"),
        }
    }
}
