//! Has a running instance make, end and list releases: `ndpi-xdp release`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use ndpi_events::{Release, Released, Time};
use ndpi_export::{release_ended, verdicts_changed};
use ndpi_text::clean;
use serde::Serialize;
use serde_json::json;

use crate::control::{Answer, Command, ReleaseResult, answered_something_else, order};
use crate::report::units::duration;
use crate::stdout::print;

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A release was made.
    Made,
    /// A release was ended.
    Ended,
}

/// Asks the instance with these maps to let something pass for a time, and prints what came of it.
///
/// # Errors
/// No instance is running, or it could not be asked or refused.
pub(crate) fn make(
    pins: &Path,
    what: Released,
    lasts: Duration,
    as_json: bool,
) -> Result<ExitCode> {
    run(pins, Command::Release { what, seconds: lasts.as_secs() }, End::Made, as_json)
}

/// Asks the instance with these maps to end a release, and prints what came of it.
///
/// # Errors
/// As for [`make`].
pub(crate) fn end(pins: &Path, number: u32, as_json: bool) -> Result<ExitCode> {
    run(pins, Command::EndRelease(number), End::Ended, as_json)
}

fn run(pins: &Path, command: Command, end: End, as_json: bool) -> Result<ExitCode> {
    let Answer::Release(result) = order(pins, command)? else {
        return Err(answered_something_else());
    };
    let result = cleaned(*result);
    print(&if as_json { to_json(&result, end) } else { to_text(&result, end, Time::now()) })
}

/// Prints the releases of the instance with these maps.
///
/// # Errors
/// As for [`make`].
pub(crate) fn list(pins: &Path, as_json: bool) -> Result<ExitCode> {
    let Answer::Status(snapshot) = order(pins, Command::Status)? else {
        return Err(answered_something_else());
    };
    let releases = snapshot.releases.into_iter().map(cleaned_release);
    let now = Time::now();
    let line = |release| {
        if as_json {
            to_json(&ReleaseResult { release, flows: None, changed: None }, End::Made)
        } else {
            format!("{}\n", in_words(&release, now))
        }
    };
    let lines: Vec<_> = releases.map(line).collect();
    let none = if as_json { "" } else { "nothing is released: the policy holds for all\n" };
    print(&if lines.is_empty() { none.into() } else { lines.concat() })
}

/// The instance may run as a user with fewer rights than whoever asks.
fn cleaned(result: ReleaseResult) -> ReleaseResult {
    ReleaseResult { release: cleaned_release(result.release), ..result }
}

fn cleaned_release(release: Release) -> Release {
    let name = |name: String| clean(&name).into_owned();
    let what = match release.what {
        Released::Host(host) => Released::Host(name(host)),
        Released::App(app) => Released::App(name(app)),
        Released::Flow(flow) => Released::Flow(name(flow)),
    };
    Release { what, ..release }
}

/// A release as `status` and `release --list` show it.
pub(crate) fn in_words(release: &Release, now: Time) -> String {
    let Release { release, what, until, .. } = release;
    let left = duration(now.until(*until));
    format!("release {release}: {what} passes for {left}, until {}", local(*until))
}

/// A time of day where this runs.
fn local(time: Time) -> String {
    let local = time.timestamp().to_zoned(jiff::tz::TimeZone::system());
    local.strftime("%F %T").to_string()
}

fn to_text(result: &ReleaseResult, end: End, now: Time) -> String {
    let said = match end {
        End::Made => in_words(&result.release, now),
        End::Ended => release_ended(&result.release),
    };
    let changed = verdicts_changed(result.flows, result.changed);
    format!("{said}{changed}\n")
}

fn to_json(result: &ReleaseResult, end: End) -> String {
    #[derive(Serialize)]
    struct Record<'a> {
        r#type: &'static str,
        #[serde(flatten)]
        result: &'a ReleaseResult,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        ended: bool,
    }
    format!("{}\n", json!(Record { r#type: "release", result, ended: end == End::Ended }))
}

#[cfg(test)]
mod tests {
    use testkit::schema;

    use super::*;

    fn result(what: Released) -> ReleaseResult {
        let at = |second: u64| Time::from_ns(second * 1_000_000_000);
        let release =
            Release { release: 3, what, since: at(1_700_000_000), until: at(1_700_000_600) };
        ReleaseResult { release, flows: Some(7), changed: Some(2) }
    }

    #[test]
    fn what_came_of_it_is_said() {
        let result = result(Released::Host("a.example".into()));
        let made = to_text(&result, End::Made, result.release.since);
        assert!(
            made.starts_with("release 3: host a.example passes for 10 min 0 s, until 2023-11-1")
        );
        assert!(made.ends_with("; 2 of 7 verdicts changed\n"), "{made}");
        let ended = "release 3 has ended: the policy holds for host a.example again; 2 of 7 verdicts changed\n";
        assert_eq!(to_text(&result, End::Ended, result.release.since), ended);
        let made = schema::record(&to_json(&result, End::Made));
        assert_eq!((&made["host"], &made["ended"]), (&"a.example".into(), &json!(null)));
        assert_eq!(schema::record(&to_json(&result, End::Ended))["ended"], true);
    }

    #[test]
    fn an_instance_does_nothing_to_the_terminal_of_whoever_asks() {
        let hostile = cleaned(result(Released::Flow("a\u{1b}]0;x\u{7}\r\n".into())));
        for said in [to_text(&hostile, End::Made, Time::default()), to_json(&hostile, End::Made)] {
            assert!(!said.trim_end().chars().any(char::is_control), "{said:?}");
        }
    }
}
