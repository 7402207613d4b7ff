//! The packets that end a rejected flow at both ends.

use ndpi_flow::Sample;

use crate::to_send::{Answer, Unanswerable};
use crate::trigger::TriggerPacket;
use crate::{icmp, ip, tcp};

/// The packets that notify the ends of a rejected flow, in answer to one of its packets: resets to
/// the sender and to the receiver of a TCP segment, ICMP to the sender of anything else. The packet
/// is one that the verdict was made of, or one that the kernel dropped since ([`Sample::rejected`]).
///
/// # Errors
///
/// When the packet must not be answered, or cannot.
pub fn answers(sample: &Sample) -> Result<Vec<Answer>, Unanswerable> {
    if sample.tunneled {
        return Err(Unanswerable::Tunneled);
    }
    let trigger = TriggerPacket::read(sample)?;
    match trigger.packet.key.proto() {
        ip::TCP => tcp::resets(&trigger),
        _ => icmp::prohibited(&trigger).map(|answer| vec![answer]),
    }
}

#[cfg(test)]
mod tests;
