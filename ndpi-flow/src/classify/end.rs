//! Why flows end.

use crate::flow::FlowEntry;

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No packet for longer than the timeout.
    Idle,
    /// TCP FIN from both sides, or RST.
    Closed,
    /// A new connection took its key.
    Reused,
    /// The table was full.
    Evicted,
    /// The source of samples ended.
    SourceEnded,
}

impl End {
    /// How a flow ended that was silent for longer than its timeout.
    pub fn of_silent<F>(flow: &FlowEntry<F>) -> Self {
        if flow.tcp_closed() { Self::Closed } else { Self::Idle }
    }

    /// The word for it in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Closed => "closed",
            Self::Reused => "reused",
            Self::Evicted => "evicted",
            Self::SourceEnded => "source-ended",
        }
    }
}
