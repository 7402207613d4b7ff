//! The packets in a captured one: 802.11 sends several in one frame.

use super::types::{self, Subframes};
use crate::packet::{LinkType, Packet};

/// The packets that a captured one stands for: itself, or those in an aggregate (A-MSDU) of 802.11.
#[inline]
pub fn packets<'a>(packet: &Packet<'a>) -> Packets<'a> {
    let aggregated = types::aggregated(packet.link_type, packet.data);
    Packets { whole: aggregated.is_none().then_some(*packet), time_ns: packet.time_ns, aggregated }
}

/// The packets of a captured one that are left.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    whole: Option<Packet<'a>>,
    time_ns: u64,
    aggregated: Option<(LinkType, Subframes<'a>)>,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    #[inline]
    fn next(&mut self) -> Option<Packet<'a>> {
        if let Some(whole) = self.whole.take() {
            return Some(whole);
        }
        let (link_type, subframes) = self.aggregated.as_mut()?;
        let (data, len) = subframes.next()?;
        let wire_len = u32::try_from(len).unwrap_or(u32::MAX);
        Some(Packet { time_ns: self.time_ns, link_type: *link_type, data, wire_len })
    }
}
