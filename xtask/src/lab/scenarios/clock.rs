//! Civil time, as far as schedules need it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

const DAY: u64 = 24 * 3600;

/// The hours from `margin` seconds before a moment to as long after it, in UTC, as a schedule
/// writes them.
pub(super) fn hours_around(moment: SystemTime, margin: u64) -> Result<String> {
    let seconds = since_epoch(moment)?;
    let shown = |seconds: u64| {
        let minute = seconds % DAY / 60;
        format!("{:02}:{:02}", minute / 60, minute % 60)
    };
    Ok(format!("{}-{}", shown(seconds - margin), shown(seconds + margin)))
}

/// A zone for the variable `TZ` (POSIX.1-2017, section 8.3): it has UTC until a moment, and
/// `forward` seconds more from then on, for half a year.
pub(super) fn zone_turning_at(moment: SystemTime, forward: u64) -> Result<String> {
    let seconds = since_epoch(moment)?;
    let (hour, minute, second) = (seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
    let day = day_of_year(seconds / DAY);
    let back = (day + 182) % 365;
    let ahead = forward / 3600;
    Ok(format!("LAB0NEW-{ahead},{day}/{hour}:{minute:02}:{second:02},{back}/0"))
}

/// A moment without the fraction of its second.
pub(super) fn whole_second(moment: SystemTime) -> Result<SystemTime> {
    Ok(UNIX_EPOCH + Duration::from_secs(since_epoch(moment)?))
}

fn since_epoch(moment: SystemTime) -> Result<u64> {
    Ok(moment.duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs())
}

/// The day of its year, from 0, of a day counted from 1970-01-01.
fn day_of_year(mut day: u64) -> u64 {
    for year in 1970.. {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if leap { 366 } else { 365 };
        if day < length {
            break;
        }
        day -= length;
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24, 12:34:56 UTC.
    const MOMENT: u64 = 1_795_523_696;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn hours_may_cross_midnight() {
        assert_eq!(hours_around(at(MOMENT), 3600).unwrap(), "11:34-13:34");
        assert_eq!(hours_around(at(MOMENT + 11 * 3600), 3600).unwrap(), "22:34-00:34");
    }

    #[test]
    fn days_of_a_year_count_from_its_first() {
        assert_eq!(day_of_year(0), 0);
        assert_eq!(day_of_year(365), 0, "1971-01-01");
        assert_eq!(day_of_year(2 * 365 + 365), 365, "1972-12-31, of a leap year");
        assert_eq!(day_of_year(MOMENT / DAY), 327);
    }

    #[test]
    fn the_zone_turns_to_the_second() {
        let zone = zone_turning_at(at(MOMENT), 12 * 3600).unwrap();
        assert_eq!(zone, "LAB0NEW-12,327/12:34:56,144/0");
    }
}
