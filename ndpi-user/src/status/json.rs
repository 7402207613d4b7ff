//! The state of an instance as JSON, see docs/records.md.

use serde::Serialize;

use super::find::{Found, State};
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
    let record = Record {
        r#type: "snapshot",
        state: state.name(),
        whole: found.is_whole(),
        pins: ndpi_text::shown(pins).to_string(),
        why,
        snapshot: snapshot.as_ref(),
    };
    Ok(serde_json::to_string(&record)? + "\n")
}
