//! Giving up capabilities, in all sets.

use rustix::io::{Errno, Result};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
};

/// What opens files of other users for reading, and no more.
const READING: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;

/// Gives up all capabilities, but for reading other users' files where this process may do that and
/// `reads` files later.
pub(crate) fn give_up(reads: bool) -> Result<()> {
    let has = capabilities(None)?;
    let kept = kept(has.effective, reads);
    bound(has.effective, kept)?;
    clear_ambient()?;
    let sets =
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)
}

/// Gives up all capabilities but those of `kept` that this thread has; those that it starts have no more either.
pub(crate) fn give_up_but(kept: CapabilitySet) -> Result<()> {
    let has = capabilities(None)?;
    bound(has.effective, kept)?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: has.effective.intersection(kept),
            permitted: has.permitted.intersection(kept),
            inheritable: has.inheritable.intersection(kept),
        },
    )
}

fn kept(effective: CapabilitySet, reads: bool) -> CapabilitySet {
    if reads { effective.intersection(READING) } else { CapabilitySet::empty() }
}

/// Takes all but `kept` from what a program that is executed could get. Without `CAP_SETPCAP` that
/// cannot be done, nor is it needed: nothing can be executed.
fn bound(effective: CapabilitySet, kept: CapabilitySet) -> Result<()> {
    if !effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    for capability in CapabilitySet::all().difference(kept) {
        // One that this kernel does not know is in nobody's set.
        if matches!(capability_is_in_bounding_set(capability), Ok(true)) {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    Ok(())
}

fn clear_ambient() -> Result<()> {
    match clear_ambient_capability_set() {
        // A kernel that was built without it.
        Err(Errno::INVAL) => Ok(()),
        cleared => cleared,
    }
}

#[cfg(test)]
mod tests {
    use super::{CapabilitySet, READING, kept};

    #[test]
    fn what_stays_reads_files_and_only_where_there_are_any() {
        let all = CapabilitySet::all();
        assert_eq!(kept(all, true), READING);
        assert_eq!(kept(all, false), CapabilitySet::empty());
        assert_eq!(kept(CapabilitySet::BPF, true), CapabilitySet::empty());
    }
}
