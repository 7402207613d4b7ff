//! A packet and what it carries, layer by layer, as the programs in the kernel take them.

use ndpi_common::parse::{self, MAX_DEPTH, Options, Packet};

use super::Tunnels;

/// The packets of a frame: the outermost first, then those inside of tunnels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers {
    packets: [Option<Packet>; 1 + MAX_DEPTH as usize],
}

impl Layers {
    /// The layers of a frame that starts with an Ethernet header; none where it has no flow. Those inside
    /// only of tunnels that are looked into.
    pub fn of(frame: &[u8], tunnels: &Tunnels) -> Self {
        let mut layers = Self::default();
        let mut next = parse::frame(frame, Options::LENIENT).ok();
        for place in &mut layers.packets {
            *place = next;
            next = next.and_then(|packet| tunnels.inside(frame, &packet));
        }
        layers
    }

    /// The packets that carry another, and the innermost one.
    pub fn split(&self) -> (impl Iterator<Item = &Packet>, Option<&Packet>) {
        let count = self.packets.iter().flatten().count();
        let (outer, innermost) = self.packets.split_at(count.saturating_sub(1));
        (outer.iter().flatten(), innermost.first().and_then(Option::as_ref))
    }
}
