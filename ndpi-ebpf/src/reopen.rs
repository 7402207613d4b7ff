//! Connections that take the addresses and ports of an earlier one, which has a verdict.

use ndpi_common::parse::tcp;
use ndpi_common::{Action, Direction, State, Verdict};

use crate::atomic;
use crate::decide::{Head4, Standing, is_idle};
use crate::seen::Seen;

/// What a packet with the SYN flag makes of a verdict; `None` where the verdict is in force.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
pub(crate) unsafe fn by<K>(verdict: *mut Verdict, head: Head4, seen: &Seen<K>) -> Option<Standing> {
    if seen.tcp_flags & tcp::ACK != 0 {
        let answered = head.byte(3) & knock(seen.direction.opposite()) != 0;
        // SAFETY: the caller's promise.
        return answered.then(|| unsafe { reopen(verdict) });
    }
    let believed = is_believed(head);
    // SAFETY: the caller's promise.
    unsafe {
        if !(believed && has_ended(head) || is_idle((*verdict).last_seen)) {
            None
        } else if believed {
            Some(reopen(verdict))
        } else {
            set(verdict, knock(seen.direction));
            Some(Standing::Over)
        }
    }
}

/// Whether the packets of a flow say what becomes of its connection.
///
/// FIN and RST of a flow that is dropped never reach the other side, so anybody could send them to be
/// rid of the verdict and carry on. Nor does it say much that such a flow is idle and that a SYN comes:
/// whoever holds the old connection can send one. It is let through, but ends the verdict only when
/// the other side answers it with SYN+ACK, which it does not while it has the old connection
/// (RFC 9293, 3.10.7.4: a SYN in a synchronized state is answered with an ACK).
#[inline(always)]
fn is_believed(head: Head4) -> bool {
    let action = head.byte(0);
    action == Action::Count as u8 || action == Action::Bypass as u8
}

#[inline(always)]
fn has_ended(head: Head4) -> bool {
    tcp::closed(head.byte(1), head.byte(2))
}

/// The bit for a SYN that was let through.
#[inline(always)]
fn knock(direction: Direction) -> u8 {
    match direction {
        Direction::FromLower => State::KNOCKED_LOWER,
        Direction::FromUpper => State::KNOCKED_UPPER,
    }
}

/// Ends a verdict; of several packets that do so at once, one is the first.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn reopen(verdict: *mut Verdict) -> Standing {
    // SAFETY: the caller's promise.
    let before = unsafe { set(verdict, State::REOPENED) };
    if before & State::REOPENED == 0 { Standing::Reopened } else { Standing::Over }
}

/// Sets bits of the state and returns those that were set before.
///
/// # Safety
/// `verdict` was looked up in this run.
#[inline(always)]
unsafe fn set(verdict: *mut Verdict, bits: u8) -> u8 {
    // SAFETY: the caller's promise; the first word of an aligned entry.
    let before = unsafe { atomic::or32(verdict.cast(), u32::from(bits) << 24) };
    before.to_le_bytes()[3]
}
