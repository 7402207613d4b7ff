//! Moments as people write them.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

use crate::week;

/// Reads `2026-11-23T12:00:00Z`, `2026-11-23T12:00[Europe/Berlin]`, `2026-11-23 12:00` in the zone of `now`,
/// `22:00` today and `sat 22:00`, the next such day.
///
/// # Errors
/// How moments are written.
pub fn moment(text: &str, now: &Zoned) -> Result<Timestamp, &'static str> {
    let text = text.trim();
    let absolute = text.parse().ok().or_else(|| Some(text.parse::<Zoned>().ok()?.timestamp()));
    let civil = || in_zone(text.parse().ok()?, now.time_zone());
    absolute.or_else(civil).or_else(|| this_week(text, now)).ok_or(
        "write it as \"2026-11-23T12:00:00Z\", or in local time as \"2026-11-23 12:00\", \"12:00\" or \
         \"sat 12:00\"",
    )
}

fn in_zone(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    Some(civil.to_zoned(zone.clone()).ok()?.timestamp())
}

fn this_week(text: &str, now: &Zoned) -> Option<Timestamp> {
    let (day, time) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
    let today = now.weekday().to_monday_zero_offset();
    let ahead = match day.trim() {
        "" | "today" => 0,
        "tomorrow" => 1,
        day => match week::days(day)?.as_slice() {
            [only] => (i8::try_from(*only).ok()? - today).rem_euclid(7),
            _ => return None,
        },
    };
    let date = now.date().checked_add(ahead.days()).ok()?;
    in_zone(date.to_datetime(clock(time)?), now.time_zone())
}

fn clock(text: &str) -> Option<Time> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':').unwrap_or((rest, "0"));
    Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        // A Monday.
        let now: Zoned = "2026-11-23T15:00[Europe/Berlin]".parse().unwrap();
        for (text, expected) in [
            ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
            ("2026-11-23T12:00[America/New_York]", "2026-11-23T17:00:00Z"),
            ("2026-11-23 12:00", "2026-11-23T11:00:00Z"),
            ("2026-11-23T12:00", "2026-11-23T11:00:00Z"),
            ("22:00", "2026-11-23T21:00:00Z"),
            ("8:30", "2026-11-23T07:30:00Z"),
            ("sat 22:00", "2026-11-28T21:00:00Z"),
            ("Monday 08:00", "2026-11-23T07:00:00Z"),
            ("tomorrow 08:00", "2026-11-24T07:00:00Z"),
        ] {
            assert_eq!(moment(text, &now), Ok(expected.parse().unwrap()), "{text}");
        }
        for wrong in ["", "noon", "25:00", "mon-fri 08:00", "2026-13-01", "12"] {
            assert!(moment(wrong, &now).is_err(), "{wrong}");
        }
    }
}
