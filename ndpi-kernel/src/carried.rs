//! Carrying over what stands in maps of an instance that is gone, and that cannot be used again.

use ndpi_common::names::map;
use ndpi_common::{
    Action, Bucket, KeyV4, KeyV6, Pod, RequestWatch, RuleKey, RuleName, TenantKey, VerdictEntry,
};

use super::earlier::Earlier;
use super::map_set::MapSet;
use super::maps::MapError;
use super::maps::hash::Hash;
use super::sys::Write;

/// Entries that one batch call brings.
const BATCH: usize = 512;

/// Writes what stands in maps of the earlier instance that have another size, or are of another version, into ours: first
/// what blocks.
/// What has no room is said.
pub(super) fn carry_over(earlier: &Earlier, maps: &MapSet) -> Result<(), MapError> {
    carry::<u32, Bucket>(earlier, maps, map::LIMITS, |_| true)?;
    carry::<u32, RequestWatch>(earlier, maps, map::REQUESTS, |_| true)?;
    carry::<RuleKey, RuleName>(earlier, maps, map::RULES, |_| true)?;
    carry::<KeyV4, VerdictEntry>(earlier, maps, map::VERDICTS_V4, blocks)?;
    carry::<KeyV6, VerdictEntry>(earlier, maps, map::VERDICTS_V6, blocks)?;
    carry::<TenantKey, VerdictEntry>(earlier, maps, map::VERDICTS_TENANT, blocks)
}

/// Whether a verdict keeps packets from passing.
fn blocks(entry: &VerdictEntry) -> bool {
    Action::from_byte(entry.action).is_some_and(|action| action.drops() || action == Action::Limit)
}

fn carry<K: Pod + Copy, V: Pod + Copy>(
    earlier: &Earlier,
    maps: &MapSet,
    name: &'static str,
    is_first: impl Fn(&V) -> bool,
) -> Result<(), MapError> {
    let Some(from) = earlier.different(name) else { return Ok(()) };
    let from = match Hash::<K, V>::open(name, from) {
        Ok(from) => from,
        Err(error) => {
            log::warn!("what stands in map {name} of the earlier instance is lost: {error}");
            return Ok(());
        }
    };
    let to = maps.hash::<K, V>(name)?;
    // The map of tenants where no tunnel is opened any more: nobody would look there.
    if name == map::VERDICTS_TENANT && to.places() == 1 {
        return Ok(());
    }
    let entries = from.entries(BATCH).collect::<Result<Vec<_>, _>>()?;
    let (first, rest): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, value)| is_first(value));
    let all = first.iter().chain(&rest);
    let lost = all.filter(|(key, value)| to.write(key, value, Write::Any).is_err()).count();
    if lost > 0 {
        log::warn!(
            "{lost} of {} entries in map {name} of the earlier instance have no room: give it more entries \
             (--max-flows)",
            entries.len()
        );
    }
    Ok(())
}
