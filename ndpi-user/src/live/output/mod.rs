//! Records on their way out: workers hand over finished lines, one thread writes them.
//!
//! The queue between them is bounded, and has a count of its own of what found no room in it: a
//! reader that is slow, gone or out of space costs lines, never the classifier's time.

mod tally;
mod writer;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{SendTimeoutError, Sender, TrySendError, bounded};
use ndpi_policy::{DEFAULT_RULE, UNDECIDED_RULE};
use serde::Serialize;
use tally::Tally;

use crate::record::{
    CrowdingRecord, FlowRecord, HalvesRecord, InterfaceRecord, PrecedenceRecord, StatusRecord,
    StoppedRecord, StrainRecord, StuckRecord, VerdictRecord,
};
pub use writer::{Ending, Writer};

/// Lines that may wait to be written. A reader that is slower for longer loses lines, with a count:
/// the classifier never waits for it.
const WAITING_LINES: usize = 64 * 1024;

/// How long the last lines of a session may wait for room in the queue.
const LAST_LINES_WAIT: Duration = Duration::from_secs(2);

/// What records look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line: every record.
    Json,
    /// A line a decision that a rule made.
    Text,
}

/// Where records go; cheap to clone.
#[derive(Clone, Debug)]
pub struct Output {
    format: Format,
    lines: Sender<String>,
    tally: Arc<Tally>,
}

impl Output {
    /// Starts a thread that writes lines to `target` until the last [`Output`] is gone. What `target`
    /// takes counts as written: it must hold nothing back.
    pub fn start(format: Format, target: impl Write + Send + 'static) -> (Self, Writer) {
        let (lines, waiting) = bounded(WAITING_LINES);
        let tally = Arc::new(Tally::default());
        let writer = Writer::start(target, waiting, Arc::clone(&tally));
        (Self { format, lines, tally }, writer)
    }

    /// Writes down that a flow was decided.
    pub fn verdict(&self, record: &VerdictRecord<'_>) {
        match self.format {
            Format::Json => self.json(record),
            Format::Text if matches!(record.label.rule, Some(DEFAULT_RULE | UNDECIDED_RULE)) => {}
            Format::Text => self.line(record.to_string()),
        }
    }

    /// Writes down that a flow is over.
    pub fn flow(&self, record: &FlowRecord<'_>) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that the programs run.
    pub fn status(&self, record: &StatusRecord<'_>) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that a table has no room, or has some again.
    pub fn crowding(&self, record: &CrowdingRecord) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that an interface sees one direction of flows, or both again.
    pub fn halves(&self, record: &HalvesRecord<'_>) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down what happened to an interface.
    pub fn interface(&self, record: &InterfaceRecord<'_>) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that classification does not keep up, or does again.
    pub fn strain(&self, record: &StrainRecord) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that a worker is stuck, or goes on.
    pub fn stuck(&self, record: &StuckRecord) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that others see packets at egress first, or do not any more.
    pub fn precedence(&self, record: &PrecedenceRecord<'_>) {
        if self.format == Format::Json {
            self.json(record);
        }
    }

    /// Writes down that the programs have stopped. For this record it waits a moment if the queue is
    /// full: nothing depends on this thread any more.
    pub fn stopped(&self, record: &StoppedRecord) {
        if self.format == Format::Json
            && let Some(line) = to_json(record)
        {
            self.last_line(line);
        }
    }

    /// Writes the report that ends a session where output is text; records have none.
    pub fn report(&self, text: &str) {
        if self.format == Format::Text {
            self.last_line(text.trim_end_matches('\n').to_owned());
        }
    }

    /// How many lines were lost so far because they could not be written in time.
    pub fn lost(&self) -> u64 {
        self.tally.lost()
    }

    /// Whether nobody can read what is written any more.
    pub fn is_closed(&self) -> bool {
        self.tally.is_closed()
    }

    fn json(&self, record: &impl Serialize) {
        // What nobody reads need not be made.
        if self.is_closed() {
            return self.tally.lose(1);
        }
        if let Some(line) = to_json(record) {
            self.line(line);
        }
    }

    fn line(&self, line: String) {
        self.tally.offer();
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.lines.try_send(line)
        {
            self.tally.refuse();
        }
    }

    fn last_line(&self, line: String) {
        self.tally.offer();
        if let Err(SendTimeoutError::Timeout(_) | SendTimeoutError::Disconnected(_)) =
            self.lines.send_timeout(line, LAST_LINES_WAIT)
        {
            self.tally.refuse();
        }
    }
}

fn to_json(record: &impl Serialize) -> Option<String> {
    // Records are structs of texts and numbers; none can fail to serialise.
    let line = serde_json::to_string(record);
    line.inspect_err(|error| log::error!("could not write a record as JSON: {error}")).ok()
}

#[cfg(test)]
mod tests;
