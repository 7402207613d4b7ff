//! The decision path of a packet with a flow: its verdict decides, or it is shown.

use ndpi_common::parse::tcp;
use ndpi_common::{Disposition, FlowPacket, Reason, SampleFlags, Switches};

use super::answer::OPENED;
use super::count;
use super::family::Family;
use super::forwarded;
use super::hook::Hooked;
use super::settings;
use super::verdict::{Ruling, ruling};

/// Acts on the flow's verdict; [`Family::UNDECIDED`] where it has none.
#[inline(always)]
pub(super) fn decide<H: Hooked, K: Family>(frame: H, packet: &mut FlowPacket<K>) -> i32 {
    packet.key.join_last_word();
    let verdict = packet.key.verdict();
    if forwarded::was_seen(frame, &packet.key, verdict, packet.direction) {
        return count::leave(frame, Disposition::Pass(Reason::SeenAtIngress), packet.weight);
    }
    if let Some(verdict) = verdict {
        // SAFETY: looked up just now.
        match unsafe { ruling(frame, verdict, packet) } {
            Ruling::Acts(disposition) if !disposition.drops() && settings::opens(packet) => {
                return OPENED;
            }
            Ruling::Acts(disposition) => return count::leave(frame, disposition, packet.weight),
            Ruling::LetThrough => {}
            Ruling::Knocks => packet.begins = true,
            Ruling::Over => {
                // On every sample until user space has noticed: the ring may have no room for one.
                packet.flags |= SampleFlags::REOPENED;
                packet.begins = tcp::opens(packet.tcp_flags);
            }
        }
    }
    if packet.has_bad_length() && settings::is_on_now(Switches::DROP_UNPARSABLE) {
        return count::leave(frame, Disposition::Drop(packet.reason), packet.weight);
    }
    if packet.lacks_flags(packet.key.proto())
        && settings::is_on_now(Switches::DROP_UNKNOWN_FRAGMENTS)
    {
        return count::leave(frame, Disposition::Drop(Reason::FragmentUnknown), packet.weight);
    }
    K::UNDECIDED
}
