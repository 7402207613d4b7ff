//! The state of an instance as JSON, see docs/records.md.

use serde::Serialize;

use super::find::{Found, State};
use crate::record::Time;
use crate::snapshot::Snapshot;

#[derive(Serialize)]
struct Record<'a> {
    r#type: &'static str,
    state: &'static str,
    whole: bool,
    pins: String,
    /// Why it is not asked, or does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    /// Since when a dead one is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone_since: Option<Time>,
    /// Where the programs of a dead one are.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_on: Option<&'a [String]>,
    /// What is done with flows without a verdict there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    undecided: Option<&'static str>,
    #[serde(flatten)]
    snapshot: Option<&'a Snapshot>,
}

/// One line.
pub(super) fn line(found: &Found) -> serde_json::Result<String> {
    let Found { pins, state, snapshot } = found;
    let why = match state {
        State::Silent(why) | State::OtherVersion(why) => Some(why.as_str()),
        _ => None,
    };
    let left = match state {
        State::Dead(left) => Some(left),
        _ => None,
    };
    let record = Record {
        r#type: "snapshot",
        state: state.name(),
        whole: found.is_whole(),
        pins: ndpi_text::shown(pins).to_string(),
        why,
        gone_since: left.and_then(|left| left.since),
        left_on: left.map(|left| left.interfaces.as_slice()),
        undecided: left.map(|left| left.undecided.now()),
        snapshot: snapshot.as_ref(),
    };
    Ok(serde_json::to_string(&record)? + "\n")
}
