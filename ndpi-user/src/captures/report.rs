//! The report after captures were read, and what went wrong.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use ndpi_capture::Others;
use ndpi_text::shown;
use serde::{Deserialize, Serialize};

use super::{Recording, tell_unread};
use crate::report::{CaptureReport, Report, Summary};

/// What came of some captures.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CaptureResults {
    pub(crate) captures: Vec<CaptureReport>,
    pub(crate) summary: Summary,
}

impl CaptureResults {
    /// Whether no capture could be read at all.
    pub(crate) fn has_nothing_but_errors(&self) -> bool {
        let nothing = |capture: &CaptureReport| capture.packets == 0 && capture.error.is_some();
        self.captures.iter().all(nothing)
    }

    /// Adds what came of others.
    pub(crate) fn add(&mut self, other: Self) {
        self.captures.extend(other.captures);
        self.summary.add(other.summary);
    }
}

/// Prints the report for people, with at most `rows` rows in a table; nothing where no capture could be
/// read: the errors say why.
pub(crate) fn report(
    recording: Recording<'_>,
    rows: usize,
    outcome: &CaptureResults,
) -> Result<()> {
    if outcome.has_nothing_but_errors() {
        return Ok(());
    }
    let report = Report {
        captures: &outcome.captures,
        summary: &outcome.summary,
        names: recording.names,
        rule_name: &|verdict| recording.rule_name(verdict).unwrap_or_default().to_owned(),
        rows,
    };
    match write!(io::stdout(), "{report}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("writing the report")
        }
        _ => Ok(()),
    }
}

/// Says on standard error what went wrong with folders (`problems`) and captures; `max_flows` is how many flows were kept at
/// a time.
pub(crate) fn tell_errors(
    outcome: &CaptureResults,
    problems: &[String],
    max_flows: usize,
) -> ExitCode {
    let evicted = outcome.summary.evicted;
    if evicted > 0 {
        log::warn!(
            "{evicted} flows were ended early since there were more than {max_flows} at a time; \
             --max-flows allows for more, at some 1.5 kB for each"
        );
    }
    outcome.captures.iter().for_each(tell_others);
    let mut code = ExitCode::SUCCESS;
    for capture in &outcome.captures {
        if tell_unread(capture) {
            code = ExitCode::FAILURE;
        }
    }
    let errors = outcome.captures.iter().filter_map(|capture| capture.error.as_ref());
    for error in problems.iter().chain(errors) {
        log::error!("{error}");
        code = ExitCode::FAILURE;
    }
    code
}

/// Says that a file holds more than one capture.
fn tell_others(capture: &CaptureReport) {
    let (name, Others { count, first }) = (&capture.name, capture.others);
    match count {
        0 => {}
        1 => log::warn!("{name}: another capture begins at byte {first}; it was read on"),
        _ => log::warn!(
            "{name}: {count} other captures begin inside, the first at byte {first}; all were read"
        ),
    }
}

/// Whether an error only says that nobody reads the output any more (`| head`).
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What a capture is called: its path as given.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { "stdin".into() } else { shown(path).to_string() }
}
