//! Giving up rights that the program's file has and its caller does not.
//!
//! Capabilities of the file (`setcap`) or a set-user-id bit give everybody who may start it those
//! rights. What follows is no way to run it, but bounds what such a caller gains.

use anyhow::{Context as _, Result, bail};
use rustix::process::{getegid, geteuid, getgid, getuid};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// All that any command can use.
const USED: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::PERFMON);

/// What an instance keeps of its capabilities: those, what mounts the BPF file system and names the programs of
/// others, what opens, makes and gives away files as root may, and what listens on low ports.
pub(crate) const KEPT_BY_AN_INSTANCE: CapabilitySet = USED
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::SYS_RESOURCE)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Refuses to run with another user's rights, and gives up capabilities of the file that would open
/// files which the caller may not open. To be called before there are threads.
///
/// # Errors
///
/// The file is set-user-id or set-group-id.
pub(crate) fn give_up_what_the_caller_lacks() -> Result<()> {
    if getuid() != geteuid() || getgid() != getegid() {
        bail!(
            "this file is set-user-id or set-group-id: every option that names a file would read it \
             with rights that its caller lacks; take the bit off (chmod u-s,g-s) and start it as \
             root, or as a service with AmbientCapabilities= (SECURITY.md)"
        );
    }
    if ndpi::is_privileged() && !geteuid().is_root() {
        let sets = capabilities(None).context("cannot read this process's capabilities")?;
        set_capabilities(None, used_of(sets))
            .context("cannot give up capabilities of this file")?;
    }
    Ok(())
}

fn used_of(sets: CapabilitySets) -> CapabilitySets {
    CapabilitySets {
        effective: sets.effective.intersection(USED),
        permitted: sets.permitted.intersection(USED),
        inheritable: sets.inheritable.intersection(USED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_that_opens_files_of_others() {
        let all = CapabilitySet::all();
        let kept = used_of(CapabilitySets { effective: all, permitted: all, inheritable: all });
        for set in [kept.effective, kept.permitted, kept.inheritable] {
            assert!(set.contains(CapabilitySet::BPF | CapabilitySet::NET_RAW));
            let others = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            assert!(!set.intersects(others | CapabilitySet::SETUID | CapabilitySet::SYS_ADMIN));
        }
    }
}
