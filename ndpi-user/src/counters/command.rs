//! Has a running instance reset its counters.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use ndpi_text::clean;
use serde_json::json;

use crate::control::{Answer, Command, ask, socket_of};
use crate::stdout::print;

/// Asks the instance with these maps, and prints since when it counts.
///
/// # Errors
/// No instance is running, or it could not be asked or refused.
pub(crate) fn reset(pins: &Path, as_json: bool) -> Result<ExitCode> {
    let answer =
        ask(&socket_of(pins)?, Command::ResetCounters).map_err(|error| error.by_pins(pins))?;
    match answer {
        Answer::CountersReset(since) if as_json => {
            print(&format!("{}\n", json!({ "type": "counters-reset", "since": since })))
        }
        Answer::CountersReset(_) => print(
            "status and verdicts count from zero again; metrics and records go on as they were\n",
        ),
        Answer::Refused(why) => bail!("{}", clean(&why)),
        _ => bail!("the running ndpi-xdp has answered something else"),
    }
}
