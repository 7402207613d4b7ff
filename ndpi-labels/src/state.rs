//! How far the classification of a flow has come.

use std::fmt;

/// The state of a flow (`ndpi_classification_state` in `ndpi_typedefs.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Nothing is known yet; the library wants more packets.
    #[default]
    Inspecting,
    /// The protocol is known; its sub-protocol, metadata and risks may still come.
    Partial,
    /// The protocol is final, and the library wants to see every packet for its metadata. Only
    /// where `<protocol>,monitoring` was switched on.
    Monitoring,
    /// Final: nothing will change, and the library wants no more packets. Not the same as "known":
    /// the application may be Unknown or a guess, see
    /// [`Confidence`](crate::Confidence) and [`Classification::guessed`](crate::Classification).
    Classified,
}

impl State {
    /// Whether protocol and application can no longer change.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Monitoring | Self::Classified)
    }

    /// The name in flow records: `INSPECTING`, `PARTIAL`, `MONITORING` or `CLASSIFIED`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inspecting => "INSPECTING",
            Self::Partial => "PARTIAL",
            Self::Monitoring => "MONITORING",
            Self::Classified => "CLASSIFIED",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
