//! Schedules: the minutes of a week in which a rule holds, in the civil time of a zone.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::week::DAY;

/// Minutes of a week.
const WEEK: usize = 7 * DAY;

/// A weekly schedule. Where the clocks change, civil time rules: an hour that is skipped is not
/// there, an hour that comes twice counts twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Schedule {
    zone: TimeZone,
    /// A bit for each minute, from Monday 00:00.
    minutes: Box<[u64; WEEK.div_ceil(64)]>,
}

impl Schedule {
    /// The union of all `hours` (minutes of a day, the end excluded and possibly on the next day) on
    /// all `days` (0 is Monday).
    pub fn new(days: &[usize], hours: &[(usize, usize)], zone: TimeZone) -> Self {
        let mut minutes = Box::new([0_u64; WEEK.div_ceil(64)]);
        for day in days {
            for &(start, end) in hours {
                for minute in start..end {
                    let minute = (day * DAY + minute) % WEEK;
                    minutes[minute / 64] |= 1 << (minute % 64);
                }
            }
        }
        Self { zone, minutes }
    }

    /// The zone whose civil time counts.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether it holds at a moment.
    pub fn holds(&self, time: Timestamp) -> bool {
        self.holds_in(minute_of_week(&self.zone, time))
    }

    /// Whether it holds in a minute of the week (0 is Monday 00:00).
    pub fn holds_in(&self, minute: usize) -> bool {
        self.minutes[minute / 64] >> (minute % 64) & 1 == 1
    }

    /// A moment in the zone's civil time: `Monday 13:00 in Europe/Berlin`.
    pub(super) fn civil(&self, time: Timestamp) -> String {
        let civil = self.zone.to_datetime(time);
        let zone = self.zone.iana_name().unwrap_or("the system's zone");
        format!("{} in {zone}", civil.strftime("%A %H:%M"))
    }

    /// Whether it holds whenever another does.
    pub fn covers(&self, other: &Self) -> bool {
        let wider = self.minutes.iter().zip(other.minutes.iter());
        self.zone == other.zone && wider.into_iter().all(|(ours, theirs)| theirs & !ours == 0)
    }

    /// A moment after `time` before which the schedule keeps its answer: when it next opens or
    /// closes, or when the zone's clocks change, whichever comes first. `None` where it never does.
    pub fn next_change(&self, time: Timestamp) -> Option<Timestamp> {
        let clocks = self.zone.following(time).next().map(|change| change.timestamp());
        let turn = self.next_turn(time);
        match (turn, clocks) {
            (Some(turn), Some(clocks)) => Some(turn.min(clocks)),
            // Without a turn the schedule holds always or never, whatever the clocks do.
            (turn, _) => turn,
        }
    }

    fn next_turn(&self, time: Timestamp) -> Option<Timestamp> {
        let now = minute_of_week(&self.zone, time);
        let holds = self.holds_in(now);
        let ahead = (1..WEEK).find(|ahead| self.holds_in((now + ahead) % WEEK) != holds)?;
        let civil =
            self.zone.to_datetime(time).with().second(0).subsec_nanosecond(0).build().ok()?;
        let turn = civil.checked_add(Span::new().minutes(i64::try_from(ahead).ok()?)).ok()?;
        // In an hour that comes twice, the turn comes twice too: the first may be over.
        let turn = self.zone.to_ambiguous_timestamp(turn);
        [turn.earlier().ok()?, turn.later().ok()?].into_iter().filter(|turn| *turn > time).min()
    }
}

/// A schedule as it is handed from one process to another, both of which have the same zones.
#[derive(Serialize, Deserialize)]
struct Written {
    /// The zone's name; none for the system's.
    zone: Option<String>,
    minutes: Vec<u64>,
}

impl From<Schedule> for Written {
    fn from(Schedule { zone, minutes }: Schedule) -> Self {
        Self { zone: zone.iana_name().map(str::to_owned), minutes: minutes.to_vec() }
    }
}

impl TryFrom<Written> for Schedule {
    type Error = &'static str;

    fn try_from(Written { zone, minutes }: Written) -> Result<Self, Self::Error> {
        let zone = zone.map_or_else(|| Ok(TimeZone::system()), |name| TimeZone::get(&name));
        let zone = zone.map_err(|_| "there is no such time zone")?;
        let minutes = minutes.try_into().map_err(|_| "a week has other minutes")?;
        Ok(Self { zone, minutes: Box::new(minutes) })
    }
}

/// The minute of the week in a zone, 0 at Monday 00:00.
pub(super) fn minute_of_week(zone: &TimeZone, time: Timestamp) -> usize {
    let civil = zone.to_datetime(time);
    let day = civil.weekday().to_monday_zero_offset().unsigned_abs();
    let (hour, minute) = (civil.hour().unsigned_abs(), civil.minute().unsigned_abs());
    usize::from(day) * DAY + usize::from(hour) * 60 + usize::from(minute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::week::{days, hours};

    const ALL: [usize; 7] = [0, 1, 2, 3, 4, 5, 6];

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("the bundled time zones have Berlin")
    }

    #[test]
    fn office_hours_exclude_their_end() {
        let office =
            Schedule::new(&days("mon-fri").unwrap(), &hours("08:00-18:00").unwrap(), TimeZone::UTC);
        // 2026-11-23 is a Monday.
        assert!(!office.holds(at("2026-11-23T07:59:59Z")));
        assert!(office.holds(at("2026-11-23T08:00:00Z")));
        assert!(office.holds(at("2026-11-23T17:59:59Z")));
        assert!(!office.holds(at("2026-11-23T18:00:00Z")));
        assert!(!office.holds(at("2026-11-22T12:00:00Z")));
    }

    #[test]
    fn a_night_belongs_to_the_day_it_starts_on() {
        let sunday_night = Schedule::new(&[6], &hours("22:00-06:00").unwrap(), TimeZone::UTC);
        assert!(sunday_night.holds(at("2026-11-22T22:00:00Z")));
        assert!(sunday_night.holds(at("2026-11-23T05:59:00Z")));
        assert!(!sunday_night.holds(at("2026-11-23T06:00:00Z")));
        assert!(!sunday_night.holds(at("2026-11-22T05:59:00Z")));
    }

    #[test]
    fn civil_time_follows_the_zone() {
        let noon = Schedule::new(&ALL, &hours("12:00-13:00").unwrap(), berlin());
        assert!(noon.holds(at("2026-11-23T11:30:00Z")));
        assert!(noon.holds(at("2026-07-23T10:30:00Z")));
    }

    #[test]
    fn the_next_change_is_the_next_border() {
        let office =
            Schedule::new(&days("mon-fri").unwrap(), &hours("08:00-18:00").unwrap(), TimeZone::UTC);
        assert_eq!(
            office.next_change(at("2026-11-23T07:59:59Z")),
            Some(at("2026-11-23T08:00:00Z"))
        );
        assert_eq!(
            office.next_change(at("2026-11-23T08:00:00Z")),
            Some(at("2026-11-23T18:00:00Z"))
        );
        assert_eq!(
            office.next_change(at("2026-11-27T18:00:00Z")),
            Some(at("2026-11-30T08:00:00Z"))
        );
        let always = Schedule::new(&ALL, &[(0, DAY)], TimeZone::UTC);
        assert_eq!(always.next_change(at("2026-11-23T00:00:00Z")), None);
    }

    #[test]
    fn no_change_is_missed_where_the_clocks_change() {
        // Berlin leaves summer time on 2026-10-25 at 01:00 UTC: 02:00-03:00 comes twice.
        let zone = Schedule::new(&ALL, &hours("02:00-02:30").unwrap(), berlin());
        let mut time = at("2026-10-24T23:50:00Z");
        let mut states = vec![zone.holds(time)];
        while let Some(next) = zone.next_change(time).filter(|t| *t < at("2026-10-25T12:00:00Z")) {
            assert!(next > time);
            time = next;
            states.push(zone.holds(time));
        }
        assert_eq!(states, [false, true, false, true, false]);
    }

    #[test]
    fn a_wider_schedule_covers_a_narrower_one() {
        let week = Schedule::new(&ALL, &[(0, DAY)], TimeZone::UTC);
        let monday = Schedule::new(&[0], &[(0, DAY)], TimeZone::UTC);
        assert!(week.covers(&monday) && !monday.covers(&week));
        assert!(!week.covers(&Schedule::new(&[0], &[(0, DAY)], berlin())));
    }
}
