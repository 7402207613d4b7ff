//! The policies that the instances of a fleet are to have, and those that they have: `ndpi-xdp fleet status`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ndpi_events::{Event, Offered, Reloaded, Time};
use ndpi_nats::{Entry, Watch};
use ndpi_text::clean;
use serde::Serialize;

use super::place::Place;
use crate::report::table::{Align, Table};
use crate::report::units;
use crate::stdout::print;

/// How long a server may take to answer.
const WAIT: Duration = Duration::from_secs(10);

const COLUMNS: [(&str, Align); 6] = [
    ("site", Align::Left),
    ("instance", Align::Left),
    ("is to have", Align::Left),
    ("has", Align::Left),
    ("said", Align::Right),
    ("", Align::Left),
];

/// An instance.
#[derive(Debug, PartialEq, Serialize)]
struct Standing {
    #[serde(rename = "type")]
    kind: &'static str,
    site: String,
    instance: String,
    /// The policy that it is to have; absent where none is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<Offered>,
    /// The last one that it was given, where it has said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    given: Option<Offered>,
    /// Whether that is in force.
    taken: bool,
    /// When it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    /// Whether it has what it is to have.
    current: bool,
    /// What is wrong with the policy that it was given, or what it warns of.
    #[serde(skip_serializing_if = "String::is_empty")]
    problems: String,
}

/// Prints all instances of which anything is known. Exit status 1 where one has not what it is to have.
///
/// # Errors
///
/// The server cannot be reached or refuses it, or there is no such bucket.
pub(crate) fn show_standing(place: &Place, as_json: bool) -> Result<ExitCode> {
    let entries = Watch::all(place.connect()?, place.bucket(), Instant::now() + WAIT);
    let entries = entries.with_context(|| format!("cannot read {place}"))?;
    let all = standings(&entries);
    if as_json {
        let lines = all.iter().map(|it| Ok(serde_json::to_string(it)? + "\n"));
        print(&lines.collect::<Result<String>>()?)?;
    } else {
        print(&text(&all, Time::now()))?;
    }
    let is_whole = all.iter().all(|it| it.current);
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the entries of a bucket say.
fn standings(entries: &[Entry]) -> Vec<Standing> {
    let policies: BTreeMap<&str, u64> = entries
        .iter()
        .filter(|entry| entry.value.is_some())
        .map(|entry| (&*entry.key, entry.revision))
        .collect();
    let wanted_by = |key: String| {
        let fleet_revision = *policies.get(&*key)?;
        Some(Offered { fleet_key: clean(&key).into_owned(), fleet_revision })
    };
    let mut all = Vec::new();
    for entry in entries {
        let Some(name) = entry.key.strip_prefix("outcome.") else { continue };
        let (Some((site, instance)), Some(value)) = (name.split_once('.'), &entry.value) else {
            continue;
        };
        let wanted = wanted_by(format!("host.{instance}"));
        let wanted = wanted.or_else(|| wanted_by(format!("site.{site}")));
        let said = match serde_json::from_slice(value) {
            Ok(Event::Reloaded(said)) => said,
            _ => Reloaded {
                problems: "it says something else than an outcome".into(),
                ..Reloaded::default()
            },
        };
        let taken = said.result.taken;
        let current =
            taken && said.offered.is_some() && (wanted.is_none() || said.offered == wanted);
        all.push(Standing {
            kind: "fleet",
            site: clean(site).into_owned(),
            instance: clean(instance).into_owned(),
            wanted,
            given: said.offered.as_ref().map(cleaned),
            taken,
            time: Some(Time::from_ns(entry.time_ns)),
            current,
            problems: clean_lines(&said.problems),
        });
    }
    let is_known = |instance: &str, all: &[Standing]| all.iter().any(|it| it.instance == instance);
    for key in policies.keys() {
        let Some(instance) = key.strip_prefix("host.") else { continue };
        if !is_known(instance, &all) {
            all.push(Standing {
                kind: "fleet",
                site: String::new(),
                instance: clean(instance).into_owned(),
                wanted: wanted_by((*key).to_owned()),
                given: None,
                taken: false,
                time: None,
                current: false,
                problems: String::new(),
            });
        }
    }
    all.sort_by(|one, other| (&one.site, &one.instance).cmp(&(&other.site, &other.instance)));
    all
}

/// An instance may say anything.
fn cleaned(offered: &Offered) -> Offered {
    let fleet_key = clean(&offered.fleet_key).into_owned();
    Offered { fleet_key, fleet_revision: offered.fleet_revision }
}

fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn text(all: &[Standing], now: Time) -> String {
    if all.is_empty() {
        return "no instance has said anything\n".into();
    }
    let mut table = Table::new(&COLUMNS);
    for it in all {
        let offered = |of: &Option<Offered>| {
            of.as_ref().map_or("-".into(), |it| format!("{} {}", it.fleet_key, it.fleet_revision))
        };
        let has = match (&it.given, it.taken) {
            (given @ Some(_), true) => offered(given),
            _ => "-".into(),
        };
        let ago = |time: Time| format!("{} ago", units::duration(time.until(now)));
        let said = it.time.map_or("never".into(), ago);
        let cells = [
            it.site.clone(),
            it.instance.clone(),
            offered(&it.wanted),
            has,
            said,
            it.state().into(),
        ];
        table.row(cells);
    }
    let mut text = table.to_string();
    for it in all.iter().filter(|it| !it.taken && !it.problems.is_empty()) {
        // Memory takes it.
        let _ = writeln!(text, "\n{}: {}", it.instance, it.problems.trim_end());
    }
    text
}

impl Standing {
    /// How it stands, in a word or two.
    fn state(&self) -> &'static str {
        let is_of_wanted = self.given == self.wanted;
        match (self.current, self.taken, is_of_wanted) {
            (true, ..) => "",
            _ if self.time.is_none() => "unknown",
            (false, false, true) => "refused",
            _ => "behind",
        }
    }
}

#[cfg(test)]
mod tests {
    use ndpi_events::ReloadResult;

    use super::*;

    fn entry(key: &str, revision: u64, value: &[u8]) -> Entry {
        Entry { key: key.into(), revision, time_ns: 0, value: Some(value.into()) }
    }

    fn outcome(instance: &str, taken: bool, of: Option<(&str, u64)>, problems: &str) -> Entry {
        let result = ReloadResult { taken, ..ReloadResult::default() };
        let offered =
            of.map(|(key, fleet_revision)| Offered { fleet_key: key.into(), fleet_revision });
        let problems = problems.into();
        let said = Reloaded { result, offered, problems, ..Reloaded::default() };
        let value = serde_json::to_vec(&Event::Reloaded(said)).unwrap();
        entry(&format!("outcome.n.{instance}"), 100, &value)
    }

    #[test]
    fn each_instance_is_held_against_its_own_policy_or_its_sites() {
        let entries = [
            entry("site.n", 3, b"policy"),
            entry("host.own", 4, b"policy"),
            entry("host.silent", 5, b"policy"),
            outcome("current", true, Some(("site.n", 3)), "a warning"),
            outcome("late", true, Some(("site.n", 2)), ""),
            outcome("own", true, Some(("host.own", 4)), ""),
            outcome("refusing", false, Some(("site.n", 3)), "a \x1bmistake"),
            entry("outcome.n.strange", 7, b"?"),
        ];
        let all = standings(&entries);
        let states: Vec<_> = all.iter().map(|it| (&*it.instance, it.state())).collect();
        let expected = [
            ("silent", "unknown"),
            ("current", ""),
            ("late", "behind"),
            ("own", ""),
            ("refusing", "refused"),
            ("strange", "behind"),
        ];
        assert_eq!(states, expected);
        let text = text(&all, Time::from_ns(5_000_000_000));
        assert!(text.contains("site.n 2") && text.contains("5.0 s ago"), "{text}");
        assert!(text.contains("refusing: a ") && !text.contains('\x1b'), "{text}");
        assert!(!text.contains("warning"), "{text}");
        let json = serde_json::to_value(&all[2]).unwrap();
        assert_eq!(json["wanted"]["fleet_revision"], 3);
        assert_eq!(
            (&json["given"]["fleet_key"], &json["current"]),
            (&"site.n".into(), &false.into())
        );
    }

    #[test]
    fn where_nothing_is_asked_for_the_last_policy_is_the_one_to_have() {
        let all = standings(&[outcome("r", true, Some(("site.n", 2)), "")]);
        assert!(all[0].current && all[0].wanted.is_none());
        assert_eq!(text(&[], Time::default()), "no instance has said anything\n");
    }
}
