//! The state of an instance by its maps, where it does not say so itself.

use ndpi_common::{MAX_SERVERS, Switches};
use ndpi_kernel::pinned::Pinned;
use ndpi_kernel::{Clock, MapError};

use crate::record::Time;
use crate::snapshot::{Fill, LostSoFar, RingLoss, Snapshot, Swept, counted};

/// A snapshot of what is pinned: packets, losses and how full the tables are. What only the process knows is
/// left empty.
pub(super) fn from_maps(pinned: &Pinned) -> Result<Snapshot, MapError> {
    let (statistics, rings) = (pinned.stats.read()?, pinned.ring_losses.read()?);
    Ok(Snapshot {
        time: Time::now(),
        dry_run: pinned.live.read()?.fixed & Switches::DRY_RUN != 0,
        pid: pinned.instance.pid,
        since: Time::from_ns(Clock::new().epoch_ns(pinned.instance.started_ns)),
        packets: counted(&statistics),
        tables: tables(pinned)?,
        losses: LostSoFar {
            ring_full: RingLoss::of(&rings, |loss| loss.full),
            ring_contended: RingLoss::of(&rings, |loss| loss.contended),
            cpus: LostSoFar::by_cpu(pinned.stats.ring_full()?),
            held_back: pinned.stats.held_back()?,
            ..LostSoFar::default()
        },
        ..Snapshot::default()
    })
}

fn tables(pinned: &Pinned) -> Result<Vec<Fill>, MapError> {
    let mut swept = Swept::default();
    for entry in pinned.verdicts.entries() {
        swept.count(&entry?.0);
    }
    let [v4, v6] = pinned.verdicts.places();
    let servers = pinned.live.read()?.servers;
    let tenants = pinned.verdicts.tenant_places();
    let tenants = tenants.map(|places| Fill::new("verdicts-tenant", swept.tenant, places));
    let families = [Fill::new("verdicts-v4", swept.v4, v4), Fill::new("verdicts-v6", swept.v6, v6)];
    let servers = Fill::new("servers", servers.into(), MAX_SERVERS.into());
    Ok(families.into_iter().chain(tenants).chain([servers]).collect())
}
