//! Which of several copies of the same bytes has likeliest arrived, where each is doubtful.

use std::cmp::Ordering;

use ndpi_common::parse::tcp;

use super::checksum::Checksum;
use super::segment::Segment;

/// What speaks for a copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merit {
    /// It has no signature and no flag SYN, and acknowledges nothing that was not seen: a receiver expects none of them.
    is_usual: bool,
    /// How long the IP header is, with those that extend it.
    header: usize,
    /// Its checksum is not plainly wrong.
    is_summed: bool,
    /// Its checksum was made.
    is_finished: bool,
    timestamp: Option<u32>,
    ttl: u8,
}

impl Merit {
    /// Of a segment in the packet `l3`, whose timestamp counts where the receiver compares those, and which acknowledges what
    /// was not seen, if it `is_ahead`.
    pub(super) fn of(
        l3: &[u8],
        (segment, checksum): (&Segment, Option<Checksum>),
        compares_timestamps: bool,
        is_ahead: bool,
    ) -> Self {
        let options = segment.options(l3);
        Self {
            is_usual: !options.signed && !segment.has(tcp::SYN) && !is_ahead,
            header: segment.l4,
            is_summed: checksum != Some(Checksum::Bad),
            is_finished: checksum != Some(Checksum::Partial),
            timestamp: options.timestamp.filter(|_| compares_timestamps),
            ttl: segment.ttl,
        }
    }

    /// Each point of comparison, from the one that decides.
    fn points(self, other: Self) -> [Ordering; 6] {
        // The numbers wrap (RFC 7323, section 4.4).
        let newer = |(own, others): (u32, u32)| own.wrapping_sub(others).cast_signed().cmp(&0);
        [
            self.is_usual.cmp(&other.is_usual),
            self.is_summed.cmp(&other.is_summed),
            other.header.cmp(&self.header),
            self.timestamp.zip(other.timestamp).map_or(Ordering::Equal, newer),
            self.ttl.cmp(&other.ttl),
            self.is_finished.cmp(&other.is_finished),
        ]
    }

    /// Whether it has likelier arrived than the other.
    pub(super) fn is_better_than(self, other: Self) -> bool {
        let decides = self.points(other).into_iter().find(|point| point.is_ne());
        decides == Some(Ordering::Greater)
    }

    /// Whether all that tells them apart speaks for it.
    pub(super) fn is_beyond_doubt_against(self, other: Self) -> bool {
        self.is_better_than(other) && self.points(other).iter().all(|point| point.is_ge())
    }
}
