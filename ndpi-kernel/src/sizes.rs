//! How many entries the maps have.

use ndpi_common::names::map;

/// Room for this many token buckets at least: every rule may limit, however few flows there are.
const MIN_LIMITS: u32 = 4096;

/// The entries of each map.
pub(super) fn sizes(
    verdicts: u32,
    tracks: u32,
    fragments: u32,
    workers: u32,
) -> [(&'static str, u32); 11] {
    // A quarter, as in user space.
    let unanswered = tracks.div_ceil(4);
    [
        (map::VERDICTS_V4, verdicts.max(1)),
        (map::VERDICTS_V6, verdicts.max(1)),
        (map::TRACK_V4, (tracks - unanswered).max(1)),
        (map::TRACK_V6, (tracks - unanswered).max(1)),
        (map::UNANSWERED_V4, unanswered.max(1)),
        (map::UNANSWERED_V6, unanswered.max(1)),
        (map::FRAGMENTS, fragments.max(1)),
        (map::LIMITS, verdicts.max(MIN_LIMITS)),
        // Of both families.
        (map::REQUESTS, verdicts.max(1).saturating_mul(2)),
        (map::RINGS, 2 * workers),
        (map::RING_LOSSES, 2 * workers),
    ]
}

/// Whether the options of whoever loads the map of this name in the object say how large it is.
pub(super) fn is_sized_by_options(name: &str) -> bool {
    sizes(1, 1, 1, 1).iter().any(|(sized, _)| *sized == name)
}
