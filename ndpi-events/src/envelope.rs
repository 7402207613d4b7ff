//! The envelope of every event: version and number.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Event, Time};

/// The version of the schema of events. A field or a kind that is added leaves it as it is: receivers ignore
/// what they do not know. One that changes or goes raises it.
pub const SCHEMA: u16 = 1;

/// An event with what tells it from all others. The format must describe itself, as JSON and CBOR
/// do: absent facts are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`SCHEMA`] of whoever made it.
    pub schema: u16,
    /// Who made it.
    pub source: Arc<SourceId>,
    /// Which of the source's events it is, from 1, without gaps: who subscribes to all kinds and misses a
    /// number has missed an event.
    pub seq: u64,
    /// When it was published.
    pub time: Time,
    /// What happened.
    pub event: Event,
}

/// Who numbers events: one thread of one process. A process that starts again begins at 0, with another start time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceId {
    /// Its name in the instance: `worker-0`, `interfaces`, …
    pub name: Arc<str>,
    /// The process.
    pub pid: u32,
    /// When the process began to publish.
    pub since: Time,
}
