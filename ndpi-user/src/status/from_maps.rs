//! The state of an instance by its maps, where it does not say so itself.

use ndpi_common::{Key, MAX_SERVERS};
use ndpi_kernel::pinned::Pinned;
use ndpi_kernel::{Clock, MapError};

use crate::record::Time;
use crate::snapshot::{Fill, LostSoFar, RingLoss, Snapshot, Swept, counted};

/// A snapshot of what is pinned: packets, losses and how full the tables are. What only the process knows is
/// left empty.
pub(super) fn from_maps(pinned: &Pinned) -> Result<Snapshot, MapError> {
    let statistics = pinned.stats.read()?;
    Ok(Snapshot {
        time: Time::now(),
        pid: pinned.instance.pid,
        since: Time::from_ns(Clock::new().epoch_ns(pinned.instance.started_ns)),
        packets: counted(&statistics),
        tables: tables(pinned)?,
        losses: LostSoFar {
            ring_full: RingLoss::of(&pinned.stats.ring_full()?),
            held_back: pinned.stats.held_back()?,
            ..LostSoFar::default()
        },
        ..Snapshot::default()
    })
}

fn tables(pinned: &Pinned) -> Result<Vec<Fill>, MapError> {
    let mut swept = Swept::default();
    let mut count = |key: &Key| swept.count(key);
    for entry in pinned.verdicts.entries() {
        count(&entry?.0);
    }
    let [v4, v6] = pinned.verdicts.places();
    let servers = pinned.live.read()?.servers;
    let fill = |table: &'static str, used, places| Fill { table: table.into(), used, places };
    Ok(vec![
        fill("verdicts-v4", swept.v4, v4),
        fill("verdicts-v6", swept.v6, v6),
        fill("servers", servers.into(), MAX_SERVERS.into()),
    ])
}
