//! How long ago something was.

use std::time::Duration;

use crate::record::Time;
use crate::report::units::duration;

/// The time between two times, of which clocks may have the order wrong.
pub(super) fn ago(since: Time, now: Time) -> String {
    let passed = now.timestamp().duration_since(since.timestamp());
    duration(Duration::try_from(passed).unwrap_or_default())
}
