//! How many entries the maps have.

use ndpi_common::Switches;
use ndpi_common::names::map;

use super::options::LoadOptions;

/// Room for this many token buckets at least: every rule may limit, however few flows there are.
const MIN_LIMITS: u32 = 4096;

/// The entries of each map.
pub(super) fn sizes(options: &LoadOptions) -> [(&'static str, u32); 14] {
    let LoadOptions { verdicts, tracks, fragments, switches, .. } = *options;
    let workers = options.division.parts;
    // A quarter, as in user space.
    let unanswered = tracks.div_ceil(4);
    // Where no tunnel is opened, there are no tenants.
    let of_tenants = |entries: u32| if switches & Switches::TUNNELS == 0 { 1 } else { entries };
    [
        (map::VERDICTS_V4, verdicts.max(1)),
        (map::VERDICTS_V6, verdicts.max(1)),
        (map::TRACK_V4, (tracks - unanswered).max(1)),
        (map::TRACK_V6, (tracks - unanswered).max(1)),
        (map::UNANSWERED_V4, unanswered.max(1)),
        (map::UNANSWERED_V6, unanswered.max(1)),
        (map::VERDICTS_TENANT, of_tenants(verdicts.max(1))),
        (map::TRACK_TENANT, of_tenants((tracks - unanswered).max(1))),
        (map::UNANSWERED_TENANT, of_tenants(unanswered.max(1))),
        (map::FRAGMENTS, fragments.max(1)),
        (map::LIMITS, verdicts.max(MIN_LIMITS)),
        // Of both families, and of tenants.
        (map::REQUESTS, verdicts.max(1).saturating_mul(3)),
        (map::RINGS, 2 * workers),
        (map::RING_LOSSES, 2 * workers),
    ]
}

/// Whether the options of whoever loads the map of this name in the object say how large it is.
pub(super) fn is_sized_by_options(name: &str) -> bool {
    sizes(&LoadOptions::default()).iter().any(|(sized, _)| *sized == name)
}
