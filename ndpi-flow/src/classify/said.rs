//! An answer of nDPI's to packets, now or later.

use ndpi::Classification;

/// What comes of packets that nDPI was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// This.
    Now(Classification),
    /// It is to be heard later ([`Detector::hear`](super::Detector::hear)).
    Later,
}
