//! The last report on a flow that goes on.

use super::traffic::Traffic;

/// The last report on a living flow: its sums, to which the next adds what came since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// How many there were.
    pub parts: u32,
    /// When the last one was made, nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// What had crossed until then.
    pub traffic: Traffic,
    /// Packets that had been dropped until then.
    pub dropped: u64,
}
