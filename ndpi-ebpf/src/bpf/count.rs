//! Counting: statistics by reason, counters of a verdict.

use ndpi_common::{
    Direction, Disposition, FOLD_AT, Switches, Tally, Total, VerdictEntry, Weight, stats_index,
};

use super::atomic;
use super::hook::Hooked;
use super::maps::STATS;
use super::settings;

/// Counts a packet under what is done with it, and answers the kernel.
#[inline(always)]
pub(super) fn leave<H: Hooked>(frame: H, disposition: Disposition, weight: Weight) -> i32 {
    let disposition = frame.routed(disposition.spared_if(settings::is_on(Switches::DRY_RUN)));
    // Before the look-up: what is told apart behind it, the verifier follows one by one.
    let action = H::action(disposition);
    let index = stats_index(H::HOOK, disposition.outcome(), disposition.reason());
    if let Some(stat) = STATS.get_ptr_mut(index) {
        // SAFETY: this CPU's own entry, and programs of one hook do not interrupt each other on a
        // CPU: XDP runs in the receive softirq, TC with bottom halves off.
        unsafe {
            (*stat).packets += u64::from(weight.packets);
            (*stat).bytes += u64::from(weight.bytes);
        }
    }
    action
}

/// Counts a packet in its flow's verdict. An entry that user space removed since the look-up may be
/// another flow's already: that one's counts are then off by this packet, which nothing rests on.
/// Returns what the direction's tally was before.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(super) unsafe fn tally(
    verdict: *mut VerdictEntry,
    direction: Direction,
    weight: Weight,
) -> Tally {
    // SAFETY: both are aligned words of a valid entry; a `Tally` is one 64-bit word.
    let (word, total) = unsafe {
        match direction {
            Direction::FromLower => {
                ((&raw mut (*verdict).from_lower).cast::<u64>(), &raw mut (*verdict).folded_lower)
            }
            Direction::FromUpper => {
                ((&raw mut (*verdict).from_upper).cast::<u64>(), &raw mut (*verdict).folded_upper)
            }
        }
    };
    // SAFETY: as above; the kernel side only changes it by atomic operations.
    let before = unsafe { atomic::add(word, Tally::word(weight.packets, weight.bytes)) };
    let before = Tally::from_word(before);
    if before.bytes >= FOLD_AT {
        // SAFETY: as above.
        unsafe { fold(word, total) };
    }
    before
}

/// Moves what a tally holds to its total. CPUs that do this at the same time move one part each.
///
/// # Safety
/// Both point into an entry that was looked up in this run.
#[inline(always)]
unsafe fn fold(word: *mut u64, total: *mut Total) {
    // SAFETY: the caller's promise; both are only changed by atomic operations.
    unsafe {
        let taken = Tally::from_word(atomic::swap(word, 0));
        atomic::add(&raw mut (*total).packets, u64::from(taken.packets));
        atomic::add(&raw mut (*total).bytes, u64::from(taken.bytes));
    }
}
