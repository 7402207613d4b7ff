//! Points in time, as events show them.

use std::fmt;
use std::time::Duration;

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

    /// The time so much later.
    #[must_use]
    pub fn after(self, passed: Duration) -> Self {
        let passed = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        Self { micros: self.micros.saturating_add(passed) }
    }

    /// How long it is until `later`; nothing where that was before.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(later.micros.saturating_sub(self.micros))
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

    /// As RFC 3339 says, in UTC; by hand, as every record has some.
    fn digits(self) -> [u8; LENGTH] {
        let (seconds, micros) = (self.micros / 1_000_000, self.micros % 1_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date(days);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let parts = [
            (0, 4, year),
            (5, 7, month),
            (8, 10, day),
            (11, 13, second / 3600),
            (14, 16, second / 60 % 60),
            (17, 19, second % 60),
            (20, 26, micros),
        ];
        for (from, to, mut number) in parts {
            for digit in text[from..to].iter_mut().rev() {
                *digit += u8::try_from(number % 10).unwrap_or_default();
                number /= 10;
            }
        }
        text
    }
}

/// Bytes of a time as it is written.
const LENGTH: usize = "1970-01-01T00:00:00.000000Z".len();

/// Year, month and day, so many days after the Unix epoch. Counted in years that begin with March, so that a leap day
/// is the last one, from the year 0 on: 146,097 days are 400 years.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months have 153 days in five.
    let march = (5 * day + 2) / 153;
    let day = day - (153 * march + 2) / 5 + 1;
    let (month, next) = if march < 10 { (march + 3, 0) } else { (march - 9, 1) };
    (era * 400 + year + next, month, day)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.digits();
        let text = std::str::from_utf8(&digits).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
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
    fn every_day_is_the_one_of_the_calendar() {
        // All days until 2554, each at another time of day.
        for day in 0..213_503_u64 {
            let time = Time { micros: day * 86_400_000_000 + day * 404_677 % 86_400_000_000 };
            assert_eq!(time.to_string(), format!("{:.6}", time.timestamp()));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [r#""""#, r#""1969-12-31T23:59:59Z""#, r#""2023-11-14T22:13:20""#, "5"] {
            assert!(serde_json::from_str::<Time>(text).is_err(), "{text}");
        }
    }
}
