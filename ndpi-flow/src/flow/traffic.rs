//! How much crossed, by direction.

use std::ops::{Add, AddAssign};

use ndpi_common::{Direction, Total};

/// Packets and bytes (from the IP header on).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Packets on the wire.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Volume {
    /// The larger of both, each in packets and in bytes.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { packets: self.packets.max(other.packets), bytes: self.bytes.max(other.bytes) }
    }

    /// What is here beyond `less`; nothing where there is more of that.
    #[must_use]
    pub fn beyond(self, less: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(less.packets),
            bytes: self.bytes.saturating_sub(less.bytes),
        }
    }
}

impl Add for Volume {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

impl From<Total> for Volume {
    fn from(Total { packets, bytes }: Total) -> Self {
        Self { packets, bytes }
    }
}

/// What the lower and the upper endpoint of a flow sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// By the lower endpoint.
    pub lower: Volume,
    /// By the upper endpoint.
    pub upper: Volume,
}

impl Traffic {
    /// What went `direction`.
    pub fn sent(&self, direction: Direction) -> Volume {
        match direction {
            Direction::FromLower => self.lower,
            Direction::FromUpper => self.upper,
        }
    }

    /// Counts what goes `direction`.
    pub fn count(&mut self, direction: Direction, more: Volume) {
        let sent = match direction {
            Direction::FromLower => &mut self.lower,
            Direction::FromUpper => &mut self.upper,
        };
        *sent = *sent + more;
    }

    /// Both directions.
    pub fn total(&self) -> Volume {
        self.lower + self.upper
    }

    /// The larger of both, for each direction.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { lower: self.lower.max(other.lower), upper: self.upper.max(other.upper) }
    }
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { lower: self.lower + other.lower, upper: self.upper + other.upper }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl From<[Total; 2]> for Traffic {
    fn from([lower, upper]: [Total; 2]) -> Self {
        Self { lower: lower.into(), upper: upper.into() }
    }
}
