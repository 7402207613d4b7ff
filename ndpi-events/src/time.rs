//! Points in time, as events show them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Microseconds since the Unix epoch, written in UTC as RFC 3339 says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    micros: u64,
}

impl Time {
    /// The time `ns` nanoseconds after the Unix epoch, to the microsecond.
    pub fn from_ns(ns: u64) -> Self {
        Self { micros: ns / 1000 }
    }

    /// The time on the wall clock.
    pub fn now() -> Self {
        Self { micros: u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default() }
    }

    /// As a date and a time of day. 2^64 nanoseconds end in 2554, within what [`jiff::Timestamp`] can be.
    pub fn timestamp(self) -> jiff::Timestamp {
        let micros = i64::try_from(self.micros).unwrap_or(i64::MAX);
        jiff::Timestamp::from_microsecond(micros).unwrap_or_default()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.timestamp())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let timestamp: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        let micros = u64::try_from(timestamp.as_microsecond());
        Ok(Self { micros: micros.map_err(|_| D::Error::custom("a time before 1970"))? })
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn times_are_rfc_3339_in_utc_to_the_microsecond() {
        let text = |ns| serde_json::to_string(&Time::from_ns(ns)).unwrap();
        assert_eq!(text(0), r#""1970-01-01T00:00:00.000000Z""#);
        assert_eq!(text(1_700_000_000_123_456_789), r#""2023-11-14T22:13:20.123456Z""#);
        assert_eq!(text(u64::MAX), r#""2554-07-21T23:34:33.709551Z""#);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [r#""""#, r#""1969-12-31T23:59:59Z""#, r#""2023-11-14T22:13:20""#, "5"] {
            assert!(serde_json::from_str::<Time>(text).is_err(), "{text}");
        }
    }
}
