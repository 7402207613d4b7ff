//! Moments on the command line.

use jiff::{Timestamp, Zoned};

use crate::policy;

/// A moment, as in `2026-11-23 12:00` or `sat 12:00`.
pub(super) fn moment(text: &str) -> Result<Timestamp, &'static str> {
    policy::moment(text, &Zoned::now())
}
