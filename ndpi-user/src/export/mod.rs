//! Those who subscribe to events and write them elsewhere: one file a sink.
//!
//! A sink is a subscription (which kinds, which of them, how many may wait) and a thread that writes what comes.
//! For one that writes lines, `lines` does all but the wording.

mod ending;
mod json;
mod lines;
mod log;
mod text;
mod wording;

#[cfg(test)]
mod tests;

use std::io::Write;

use ndpi_events::BusBuilder;

pub use ending::Ending;
pub use lines::LineSink;
pub use log::LogSink;
pub(crate) use wording::messages;

/// What records look like on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line: every record.
    Json,
    /// A line a decision that a rule made.
    Text,
}

impl Format {
    /// Subscribes, and starts a thread that writes lines of this form to `target`. What `target` takes counts
    /// as written: it must hold nothing back.
    pub fn start(self, bus: &mut BusBuilder, target: impl Write + Send + 'static) -> LineSink {
        match self {
            Self::Json => LineSink::start(json::subscribe(bus), json::write, target),
            Self::Text => LineSink::start(text::subscribe(bus), text::write, target),
        }
    }
}
