//! Points in time, as records show them.

use std::fmt;

use serde::{Serialize, Serializer};

/// Nanoseconds since the Unix epoch, written in UTC as RFC 3339 says, to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        // 2^64 nanoseconds end in 2554, within the range of `jiff::Timestamp`; what a capture
        // claims beyond it cannot get here.
        let timestamp = jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default();
        write!(f, "{timestamp:.6}")
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn times_are_rfc_3339_in_utc_to_the_microsecond() {
        let text = |ns| serde_json::to_string(&Time(ns)).unwrap();
        assert_eq!(text(0), r#""1970-01-01T00:00:00.000000Z""#);
        assert_eq!(text(1_700_000_000_123_456_789), r#""2023-11-14T22:13:20.123456Z""#);
        assert_eq!(text(u64::MAX), r#""2554-07-21T23:34:33.709551Z""#);
    }
}
