//! Enforcement that an instance which is gone has left.

use std::collections::BTreeSet;

use ndpi_common::TICK_NS;
use ndpi_kernel::pinned::Pinned;
use ndpi_kernel::{Clock, MapError};
use ndpi_text::clean;

use crate::record::Time;

/// What is enforced of an instance that is gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Left {
    /// When it was last there, if it came to say so.
    pub(super) since: Option<Time>,
    /// The interfaces on which its programs are, each once.
    pub(super) interfaces: Vec<String>,
}

impl Left {
    /// By what it has pinned.
    pub(super) fn of(pinned: &Pinned) -> Result<Self, MapError> {
        let heartbeat = pinned.live.read()?.heartbeat;
        let time = |tick: u32| Time::from_ns(Clock::new().epoch_ns(u64::from(tick) * TICK_NS));
        let since = (heartbeat != 0).then(|| time(heartbeat));
        let interfaces: BTreeSet<_> =
            pinned.links.iter().map(|link| clean(&link.interface)).collect();
        Ok(Self { since, interfaces: interfaces.into_iter().map(Into::into).collect() })
    }
}
