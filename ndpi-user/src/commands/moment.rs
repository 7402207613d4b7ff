//! Moments on the command line.

use jiff::{Timestamp, Zoned};

/// A moment, as in `2026-11-23 12:00` or `sat 12:00`.
pub(super) fn moment(text: &str) -> Result<Timestamp, &'static str> {
    ndpi_policy::moment(text, &Zoned::now())
}
