//! Has a running instance reset its counters.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::control::{Answer, Command, answered_something_else, order};
use crate::stdout::print;

/// Asks the instance with these maps, and prints since when it counts.
///
/// # Errors
/// No instance is running, or it could not be asked or refused.
pub(crate) fn reset(pins: &Path, as_json: bool) -> Result<ExitCode> {
    let Answer::CountersReset(since) = order(pins, Command::ResetCounters)? else {
        return Err(answered_something_else());
    };
    if as_json {
        return print(&format!("{}\n", json!({ "type": "counters-reset", "since": since })));
    }
    print("status and verdicts count from zero again; metrics and records go on as they were\n")
}
