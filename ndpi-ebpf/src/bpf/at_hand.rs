//! What is at hand of a packet while it is read, in scratch entries: the stack has no room for it.

use core::mem::MaybeUninit;

use ndpi_common::TenantKey;
use ndpi_common::parse::{Link, Packet};

use super::hook::Hooked;
use super::maps::{SCRATCH, Scratch};

/// Where an IP header was found, until that is read.
#[inline(always)]
pub(super) fn link<H: Hooked>(_: H) -> Option<&'static mut MaybeUninit<Link>> {
    let link = SCRATCH.get_ptr_mut(Scratch::Link.of(H::HOOK))?;
    // SAFETY: this CPU's own entry for this hook, with room for it (see `slow_path`); whoever takes it is done with it
    // before another does.
    Some(unsafe { &mut *link.cast() })
}

/// The key of a tenant's flow.
#[inline(always)]
pub(super) fn tenant_key<H: Hooked>(_: H, packet: &Packet) -> Option<&'static TenantKey> {
    let key = SCRATCH.get_ptr_mut(Scratch::Tenant.of(H::HOOK))?.cast::<TenantKey>();
    // SAFETY: as above; what was there before is needed no more.
    unsafe {
        packet.key.write_of_tenant(key, packet.tenant);
        Some(&*key)
    }
}
