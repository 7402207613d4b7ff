#![doc = include_str!("../README.md")]

mod csv;
mod delivery;
mod destination;
mod encoder;
mod ending;
mod eve;
mod filter;
mod format;
mod ipfix;
mod json;
mod lines;
mod locked;
mod log;
mod output;
mod parquet;
mod prepared;
mod row;
mod text;
mod wording;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::io::Write;

use ndpi_events::{BusBuilder, Event, Kinds};

pub use self::log::LogSink;
pub use csv::{header as csv_header, write as write_csv};
pub use delivery::{
    CourierJob, Couriers, NatsOptions, courier_job, courier_said, is_over_within, read_job,
    run_courier,
};
use destination::{Plain, STANDARD_OUTPUT};
pub use destination::{Reopen, standard_output};
pub use ending::Ending;
pub use lines::RecordSink;
use lines::WAITING_EVENTS;
pub use output::Output;
pub use output::{duration, size};
pub use prepared::{Prepared, prepare};
pub use text::{Show, Style};
pub use wording::{messages, release_ended, verdicts_changed};

/// What standard output has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line: every record.
    Json,
    /// A line a decision.
    Text {
        /// Which decisions.
        show: Show,
        /// How they look.
        style: Style,
    },
    /// Nothing of this: it is the destination of an [`Output`].
    Nothing,
}

impl Format {
    /// Subscribes, and starts a thread that writes lines of this form to `stream`. What it takes counts as
    /// written: it must hold nothing back.
    pub fn start(self, bus: &mut BusBuilder, stream: impl Write + Send + 'static) -> RecordSink {
        let target = Box::new(Plain::new(STANDARD_OUTPUT, stream));
        match self {
            Self::Json => {
                let events = bus.subscribe(json::RECORDS, |_| true, WAITING_EVENTS);
                RecordSink::start(events, json::write, target)
            }
            Self::Nothing => {
                let events = bus.subscribe(Kinds::default(), |_| false, WAITING_EVENTS);
                RecordSink::start(events, |_: &Event, _: &mut Vec<u8>| {}, target)
            }
            Self::Text { show, style } => {
                let write = move |event: &Event, out: &mut Vec<u8>| text::write(event, style, out);
                RecordSink::start(text::subscribe(bus, show), write, target)
            }
        }
    }
}
