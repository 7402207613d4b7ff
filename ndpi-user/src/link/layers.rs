//! A packet and what it carries, layer by layer, as the programs in the kernel take them.

use ndpi_common::parse::{self, MAX_DEPTH, Options, Packet};

/// The packets of a frame: the outermost first, then those inside of tunnels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers {
    packets: [Option<Packet>; 1 + MAX_DEPTH as usize],
}

impl Layers {
    /// The layers of a frame that starts with an Ethernet header; none where it has no flow. Without
    /// `tunnels` there is one at most.
    pub fn of(frame: &[u8], tunnels: bool) -> Self {
        let mut layers = Self::default();
        let mut next = parse::frame(frame, Options::LENIENT).ok();
        for place in &mut layers.packets {
            *place = next;
            next = next.filter(|_| tunnels).and_then(|packet| inside(frame, &packet));
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

fn inside(frame: &[u8], packet: &Packet) -> Option<Packet> {
    let (tunnel, link) = parse::entrance(frame, packet)?;
    let inner = parse::network(frame, link, Options::LENIENT).ok()?;
    Some(Packet { tunnel, ..inner })
}
