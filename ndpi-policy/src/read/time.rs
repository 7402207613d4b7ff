//! `schedule = { days = …, hours = …, zone = … }`.

use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::DeValue;

use super::keys::Keys;
use super::reader::{Reader, here};
use super::value;
use crate::diagnose::Problem;
use crate::names::nearest;
use crate::rule::At;
use crate::schedule::Schedule;
use crate::week;

type Value<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    pub(super) fn schedule(&mut self, value: &Value<'_>) -> Option<At<Schedule>> {
        let Some(table) = value.get_ref().as_table() else {
            self.no_schedule(value);
            return None;
        };
        let mut keys = Keys::new("a schedule", table);
        let days = keys.take("days").map(|v| self.each("days", v, Self::days));
        let hours = keys.take("hours").map(|v| self.each("hours", v, Self::hours));
        let zone = keys.take("zone").map(|v| self.zone(v));
        keys.refuse_others(self);
        if days.is_none() && hours.is_none() {
            self.report(
                Problem::error(
                    "empty-schedule",
                    here(value),
                    "this schedule has no days and no hours",
                )
                .help("give it `days`, `hours` or both, or leave `schedule` out"),
            );
        }
        let days: Vec<usize> = days
            .map_or_else(|| (0..7).collect(), |list| list.into_iter().map(|at| at.value).collect());
        let hours: Vec<_> = hours.map_or_else(
            || vec![(0, 24 * 60)],
            |list| list.into_iter().map(|at| at.value).collect(),
        );
        let zone = zone.unwrap_or_else(|| Some(TimeZone::system()))?;
        Some(At { value: Schedule::new(&days, &hours, zone), place: here(value) })
    }

    /// Says how a schedule is written, with what was written in its place as far as it is understood.
    fn no_schedule(&mut self, value: &Value<'_>) {
        let text = value.get_ref().as_str().unwrap_or_default();
        let help = if week::days(text).is_some() {
            format!("write `schedule = {{ days = \"{text}\" }}`")
        } else if week::hours(text).is_some() {
            format!("write `schedule = {{ hours = \"{text}\" }}`")
        } else {
            "write, for example, \
             `schedule = { days = \"mon-fri\", hours = \"08:00-18:00\", zone = \"Europe/Berlin\" }`"
                .to_owned()
        };
        let message = format!("`schedule` takes a table, found {}", value::kind(value));
        self.report(Problem::error("type", here(value), message).help(help));
    }

    fn days(&mut self, value: &Value<'_>) -> Vec<At<usize>> {
        let Some(text) = self.text("days", "days of the week", value) else { return Vec::new() };
        let place = here(value);
        if let Some(days) = week::days(text) {
            return days.into_iter().map(|value| At { value, place }).collect();
        }
        let message = format!("`days` cannot be {text:?}");
        let usual = || "write \"mon\" … \"sun\", \"mon-fri\" or \"sat,sun\"".to_owned();
        let help = week::meant_days(text).unwrap_or_else(usual);
        self.report(Problem::error("days", place, message).help(help));
        Vec::new()
    }

    fn hours(&mut self, value: &Value<'_>) -> Vec<At<(usize, usize)>> {
        let Some(text) = self.text("hours", "hours of the day", value) else { return Vec::new() };
        let place = here(value);
        if let Some(hours) = week::hours(text) {
            return hours.into_iter().map(|value| At { value, place }).collect();
        }
        let message = format!("`hours` cannot be {text:?}");
        let usual = || "write \"08:00-18:00\", or \"22:00-06:00\" to go past midnight".to_owned();
        let help = week::meant_hours(text).unwrap_or_else(usual);
        self.report(Problem::error("hours", place, message).help(help));
        Vec::new()
    }

    fn zone(&mut self, value: &Value<'_>) -> Option<TimeZone> {
        let name = self.text("zone", "the name of a time zone", value)?;
        if let Ok(zone) = TimeZone::get(name) {
            return Some(zone);
        }
        let known: Vec<_> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        let near = nearest(name, known.iter().map(String::as_str));
        let help = match near.first() {
            Some(zone) => format!("did you mean \"{zone}\"?"),
            None => "write a name such as \"Europe/Berlin\" or \"UTC\"".to_owned(),
        };
        let message = format!("there is no time zone {name:?}");
        self.report(Problem::error("zone", here(value), message).help(help));
        None
    }
}
