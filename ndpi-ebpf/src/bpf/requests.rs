//! Later requests: segments that may bring another request of a connection that has a verdict.

use core::ptr;

use ndpi_common::{FlowPacket, RequestWatch, VerdictEntry};

use super::atomic;
use super::family::Family;
use super::hook::Hooked;
use super::maps::REQUESTS;
use super::sequence::header;
use super::settings;

/// Whether user space waits for what a packet brings that its verdict lets through.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(super) unsafe fn is_due<H: Hooked, K: Family>(
    frame: H,
    verdict: *mut VerdictEntry,
    packet: &FlowPacket<K>,
) -> bool {
    // SAFETY: the caller's promise.
    is_due_by(frame, unsafe { number(verdict) }, packet) != 0
}

/// Counts that a packet which was due could not be shown.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(super) unsafe fn missed(verdict: *mut VerdictEntry) {
    // SAFETY: the caller's promise.
    missed_by(unsafe { number(verdict) });
}

/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn number(verdict: *mut VerdictEntry) -> u32 {
    // SAFETY: the caller's promise; an aligned word. Where the place is another flow's by now, a packet is
    // shown or not by that flow's watch.
    unsafe { ptr::read_volatile(&raw const (*verdict).watch) }
}

/// A subprogram, for the sake of the stack.
#[inline(never)]
fn is_due_by<H: Hooked, K: Family>(frame: H, number: u32, packet: &FlowPacket<K>) -> i32 {
    let Some(watch) = REQUESTS.get_ptr_mut(number) else { return 0 };
    let Some(header) = header(frame, packet) else { return 0 };
    let behind = header.sequence.wrapping_add(packet.end.wrapping_sub(packet.payload));
    // SAFETY: looked up just now; aligned words.
    unsafe {
        let from = ptr::read_volatile(&raw const (*watch).from);
        let client = ptr::read_volatile(&raw const (*watch).client);
        if !header.has_payload || !RequestWatch::is_due(client, from, packet.direction, behind) {
            return 0;
        }
        let tick = settings::now();
        if ptr::read_volatile(&raw const (*watch).tick) != tick {
            ptr::write_volatile(&raw mut (*watch).tick, tick);
            ptr::write_volatile(&raw mut (*watch).shown, 0);
        }
        if atomic::add32(&raw mut (*watch).shown, 1) >= RequestWatch::PER_TICK {
            atomic::add32(&raw mut (*watch).missed, 1);
            return 0;
        }
    }
    1
}

#[inline(never)]
fn missed_by(number: u32) -> i32 {
    if let Some(watch) = REQUESTS.get_ptr_mut(number) {
        // SAFETY: looked up just now; an aligned word.
        unsafe { atomic::add32(&raw mut (*watch).missed, 1) };
    }
    0
}
