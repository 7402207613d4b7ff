//! Which worker owns a flow: kernel and user space come to the same answer.

/// 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A division of flows into parts.
///
/// A multiplication and a shift for each word of the key: a few nanoseconds, which the programs have. Who
/// does not know the seed cannot aim all flows at one part.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Division {
    /// How many parts there are, at least 1.
    pub parts: u32,
    /// What the hash starts with.
    pub seed: u64,
}

impl Division {
    /// The part that owns the flow whose key is made of `words`: the same for both directions.
    #[inline(always)]
    pub fn owner(&self, words: &[u64]) -> u32 {
        let mut state = self.seed;
        for word in words {
            state = (state ^ word).wrapping_mul(SPREAD ^ (self.seed | 1) << 1);
            // A multiplication carries no bit downwards.
            state ^= state >> 32;
        }
        let part = (state & u64::from(u32::MAX)) * u64::from(self.parts);
        (part >> 32) as u32
    }
}
