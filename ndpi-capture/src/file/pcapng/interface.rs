//! An interface of a pcapng section: what its packets begin with and how they tell time.

use pcap_parser::{InterfaceDescriptionBlock, OptionCode};

use crate::packet::LinkType;

const NS_PER_S: u64 = 1_000_000_000;

/// An interface description block, as far as packets need it.
pub(super) struct Interface {
    pub(super) link_type: LinkType,
    /// Bytes captured of a packet at most.
    pub(super) snaplen: u32,
    unit: Unit,
    /// What is added to every time (`if_tsoffset`).
    offset_ns: i128,
}

/// What a time stamp counts (`if_tsresol`).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// The nanosecond's so-manieth part.
    PartsOfNanosecond(u64),
    /// The second's 2^n-th part.
    BinaryFraction(u32),
}

impl Interface {
    pub(super) fn new(description: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let option = |code| description.options.iter().find(|o| o.code == code);
        let resolution = option(OptionCode::IfTsresol).and_then(|o| o.value.first().copied());
        let offset = option(OptionCode::IfTsoffset).and_then(|o| o.value.first_chunk().copied());
        let offset = offset.map_or(0, |bytes| {
            if big_endian { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) }
        });
        Self {
            link_type: link_type(description.linktype.0),
            snaplen: if description.snaplen == 0 { u32::MAX } else { description.snaplen },
            unit: Unit::new(resolution.unwrap_or(6)),
            offset_ns: i128::from(offset) * i128::from(NS_PER_S),
        }
    }

    /// The time that a time stamp stands for, in nanoseconds since 1970; what lies outside the 584
    /// years that 64 bits hold becomes the nearest of them.
    #[inline]
    pub(super) fn time_ns(&self, ticks: u64) -> u64 {
        let ns = match self.unit {
            Unit::Nanoseconds(n) => ticks.saturating_mul(n),
            Unit::PartsOfNanosecond(n) => ticks / n,
            Unit::BinaryFraction(n) => {
                let ns = (u128::from(ticks) * u128::from(NS_PER_S)) >> n;
                u64::try_from(ns).unwrap_or(u64::MAX)
            }
        };
        if self.offset_ns == 0 {
            return ns;
        }
        let ns = i128::from(ns) + self.offset_ns;
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

impl Unit {
    /// The unit of an `if_tsresol`: 10^-n seconds, or 2^-n when the highest bit is set.
    fn new(resolution: u8) -> Self {
        let n = u32::from(resolution & 0x7f);
        if resolution & 0x80 != 0 {
            Self::BinaryFraction(n)
        } else if n <= 9 {
            Self::Nanoseconds(10_u64.pow(9 - n))
        } else {
            Self::PartsOfNanosecond(10_u64.saturating_pow(n - 9))
        }
    }
}

#[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "16 bits in the file")]
fn link_type(number: i32) -> LinkType {
    LinkType(number as u16)
}
