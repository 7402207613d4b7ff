//! The weight of a packet: how many packets and bytes it counts for on the wire.

use crate::Total;
use crate::parse::Packet;

/// What a packet counts for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Weight {
    /// Packets on the wire: more than one when it is segmented later.
    pub packets: u32,
    /// Bytes on the wire, from the IP header on.
    pub bytes: u32,
}

impl Weight {
    /// That of a single packet of so many bytes.
    #[inline(always)]
    pub const fn single(bytes: u32) -> Self {
        Self { packets: 1, bytes }
    }

    /// That of a packet which is cut later into segments with at most `segment_size` bytes of payload, each
    /// with all headers again; 0 where it is not segmented.
    #[inline(always)]
    pub fn of<K>(packet: &Packet<K>, segment_size: u32) -> Self {
        let bytes = packet.end - packet.l3;
        let payload = packet.end - packet.payload;
        if segment_size == 0 || payload <= segment_size {
            return Self::single(bytes);
        }
        let packets = payload.div_ceil(segment_size);
        Self { packets, bytes: bytes + (packets - 1) * (packet.payload - packet.l3) }
    }

    /// The same as a total.
    #[inline(always)]
    pub const fn total(self) -> Total {
        Total { packets: self.packets as u64, bytes: self.bytes as u64 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Weight;
    use crate::testing;

    #[test]
    fn a_packet_that_stays_whole_weighs_what_it_is() {
        let packet = testing::tcp(1448);
        let whole = Weight { packets: 1, bytes: 40 + 1448 };
        assert!([0, 1448, 9000].map(|size| Weight::of(&packet, size)) == [whole; 3]);
    }

    proptest! {
        /// As if the segments were made and weighed one by one.
        #[test]
        fn segments_weigh_what_they_do_on_the_wire(payload in 0_u32..65_000, size in 1_u32..10_000) {
            let (mut packets, mut bytes, mut left) = (0, 0, payload);
            while left > 0 || packets == 0 {
                let segment = left.min(size);
                (packets, bytes, left) = (packets + 1, bytes + 40 + segment, left - segment);
            }
            let weight = Weight::of(&testing::tcp(payload), size);
            prop_assert!((weight.packets, weight.bytes) == (packets, bytes));
        }
    }
}
