//! ICMP "communication administratively prohibited".

use crate::address::Ends;
use crate::ip::{self, Header, V4_HEADER, V6_HEADER};
use crate::to_send::{Answer, Unanswerable};
use crate::trigger::TriggerPacket;

const HEADER: usize = 8;
const CHECKSUM_AT: usize = 2;

/// The longest error over IPv4, its IP header included (RFC 1812, section 4.3.2.3).
const V4_LONGEST: usize = 576;
/// The longest error over IPv6: what every link carries (RFC 4443, section 2.4(c)).
const V6_LONGEST: usize = 1280;

/// The error that notifies the sender of `trigger`, in the name of the receiver.
pub(crate) fn prohibited(trigger: &TriggerPacket) -> Result<Answer, Unanswerable> {
    if !may_be_answered(trigger) {
        return Err(Unanswerable::Icmp);
    }
    let ends = trigger.ends.reversed();
    Ok(match trigger.ends {
        Ends::V4 { .. } => {
            // Errors travel as internetwork control (RFC 1812, section 4.3.2.5).
            let header = header(ends, ip::ICMP, 0xc0);
            let mut body = error([3, 13], trigger.l3, V4_LONGEST - V4_HEADER);
            repair(&mut body[HEADER..], trigger);
            trigger.answer(&header, body, CHECKSUM_AT)
        }
        Ends::V6 { .. } => {
            let header = header(ends, ip::ICMPV6, 0);
            let body = error([1, 1], trigger.l3, V6_LONGEST - V6_HEADER);
            trigger.answer(&header, body, CHECKSUM_AT)
        }
    })
}

/// Errors never answer errors (RFC 1122, section 3.2.2; RFC 4443, section 2.4(e)); a type that is
/// not known may be one. Of the rest only what asks or answers a single host is answered:
/// router and neighbour discovery and multicast listeners belong to the link.
fn may_be_answered(trigger: &TriggerPacket) -> bool {
    let kind = || trigger.transport::<1>(0).map(|[kind]| kind);
    match (trigger.packet.key.proto(), trigger.ends) {
        // Echo, timestamp, information, address mask, extended echo; and the replies.
        (ip::ICMP, Ends::V4 { .. }) => matches!(kind(), Some(0 | 8 | 13..=18 | 42 | 43)),
        // Echo, node information, extended echo; and the replies.
        (ip::ICMPV6, Ends::V6 { .. }) => matches!(kind(), Some(128 | 129 | 139 | 140 | 160 | 161)),
        // One family's ICMP in the other: nobody knows what that would be.
        (ip::ICMP | ip::ICMPV6, _) => false,
        _ => true,
    }
}

fn header(ends: Ends, proto: u8, traffic_class: u8) -> Header {
    Header { ends, proto, traffic_class, flow_label: 0, dont_fragment: false }
}

/// Type, code and as much of `original` as `room` leaves.
fn error([kind, code]: [u8; 2], original: &[u8], room: usize) -> Vec<u8> {
    let quoted = original.len().min(room - HEADER);
    let mut body = vec![kind, code, 0, 0, 0, 0, 0, 0];
    body.extend_from_slice(&original[..quoted]);
    body
}

/// The lengths of a large packet were changed so that they fit its first datagram (`live::fit`);
/// the checksum of the quoted header follows.
fn repair(quoted: &mut [u8], trigger: &TriggerPacket) {
    if let Some(header) = quoted.get_mut(..trigger.packet.l4 as usize) {
        ip::set_v4_checksum(header);
    }
}
