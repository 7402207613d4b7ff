//! Allowances: packets beyond the budget that user space wants to see of a flow, written in an entry with
//! the action `inspect`.

use core::ptr;

use ndpi_common::{Action, SampleFlags, VerdictEntry};

use super::atomic;
use super::entry::FirstWord;
use super::family::Family;
use super::settings;

/// Takes a packet from the allowance of a flow: the [`SampleFlags`] of its sample, 0 where nothing is left.
#[inline(never)]
pub(super) fn take<K: Family>(key: &K) -> u32 {
    // The verifier would follow each of the answers through all that comes behind.
    settings::forget(taken(key).into())
}

#[inline(always)]
fn taken<K: Family>(key: &K) -> u16 {
    let Some(left) = left(key) else { return 0 };
    // SAFETY: looked up just now; a word that the programs only change by atomic operations.
    unsafe {
        if ptr::read_volatile(left) == 0 {
            return 0;
        }
        match atomic::add32(left, u32::MAX) {
            // Another CPU took the last one.
            0 => {
                atomic::add32(left, 1);
                0
            }
            1 => SampleFlags::ALLOWED | SampleFlags::LAST_ALLOWED,
            _ => SampleFlags::ALLOWED,
        }
    }
}

/// Gives back what was taken for a packet that the ring had no room for.
#[inline(never)]
pub(super) fn give_back<K: Family>(key: &K) -> u32 {
    let Some(left) = left(key) else { return 0 };
    // SAFETY: as in `take`.
    unsafe { atomic::add32(left, 1) }
}

/// The allowance of a flow, where its entry is one. What a CPU changes in an entry that has become another
/// one meanwhile is nothing to that: no other action has an allowance.
#[inline(always)]
fn left<K: Family>(key: &K) -> Option<*mut u32> {
    let entry: *mut VerdictEntry = key.verdict()?;
    // SAFETY: looked up just now.
    unsafe {
        let is_allowance = FirstWord::read(entry).action() == Action::Inspect as u8;
        is_allowance.then_some(&raw mut (*entry).allowance)
    }
}
