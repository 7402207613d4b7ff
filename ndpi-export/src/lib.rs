#![doc = include_str!("../README.md")]

mod csv;
mod destination;
mod encoder;
mod ending;
mod eve;
mod filter;
mod ipfix;
mod json;
mod lines;
mod locked;
mod log;
mod output;
mod row;
mod text;
mod wording;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use anyhow::{Context as _, Result};
use ndpi_events::{BusBuilder, Event, Kind, Kinds};

pub use self::log::LogSink;
pub use csv::{header as csv_header, write as write_csv};
pub use destination::Reopen;
use destination::{Datagrams, FileTarget, Listener, Plain, StreamTarget};
use encoder::{Encoder, Headed};
pub use ending::Ending;
use ipfix::Ipfix;
pub use lines::RecordSink;
use lines::WAITING_EVENTS;
pub use output::Output;
use output::{Destination, OutputFormat};
pub use text::Show;
pub use wording::messages;

/// What records look like on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line: every record.
    Json,
    /// A line a decision.
    Text {
        /// Which decisions.
        show: Show,
        /// What is done with the flow has a colour.
        colored: bool,
    },
}

/// What has flows and nothing else.
const FLOWS: Kinds = Kinds::of(&[Kind::FlowActive, Kind::FlowEnded]);

impl Format {
    /// Subscribes, and starts a thread that writes lines of this form to `stream`. What it takes counts as
    /// written: it must hold nothing back.
    pub fn start(self, bus: &mut BusBuilder, stream: impl Write + Send + 'static) -> RecordSink {
        let target = Plain::new("standard output", stream);
        match self {
            Self::Json => {
                let events = bus.subscribe(json::RECORDS, |_| true, WAITING_EVENTS);
                RecordSink::start(events, json::write, target)
            }
            Self::Text { show, colored } => {
                let write =
                    move |event: &Event, out: &mut Vec<u8>| text::write(event, colored, out);
                RecordSink::start(text::subscribe(bus, show), write, target)
            }
        }
    }
}

impl Output {
    /// Subscribes, and starts a thread that writes what is asked for. Files are opened again when `reopen` says so.
    ///
    /// # Errors
    ///
    /// Nobody can connect to its port.
    pub fn start(&self, bus: &mut BusBuilder, reopen: &Reopen) -> Result<RecordSink> {
        let failed = || format!("cannot start the output {self}");
        match self.format {
            OutputFormat::Json => self.start_with(json::write, bus, reopen).with_context(failed),
            OutputFormat::Eve => self.start_with(eve::write, bus, reopen).with_context(failed),
            OutputFormat::Csv => {
                let encoder = Headed { header: csv::header(), write: csv::write };
                self.start_with(encoder, bus, reopen).with_context(failed)
            }
            OutputFormat::Ipfix => {
                let by_udp = matches!(self.to, Destination::Udp(_));
                self.start_with(Ipfix::new(by_udp), bus, reopen).with_context(failed)
            }
        }
    }

    fn start_with(
        &self,
        mut encoder: impl Encoder + 'static,
        bus: &mut BusBuilder,
        reopen: &Reopen,
    ) -> io::Result<RecordSink> {
        let (filter, (all, usual)) = (self.filter.clone(), self.kinds());
        let kinds = filter.kinds(all, usual);
        let events = bus.subscribe(kinds, move |event| filter.takes(event), self.queue);
        Ok(match &self.to {
            Destination::File(path) => {
                let target = FileTarget::new(path.clone(), self.rotation.clone(), reopen);
                RecordSink::start(events, encoder, target)
            }
            Destination::Unix(path) => {
                RecordSink::start(events, encoder, StreamTarget::unix(path.clone()))
            }
            Destination::Tcp(address) => {
                RecordSink::start(events, encoder, StreamTarget::tcp(*address))
            }
            Destination::Udp(address) => {
                RecordSink::start(events, encoder, Datagrams::new(*address))
            }
            Destination::Listen(address) => {
                let mut preamble = Vec::new();
                encoder.preamble(&mut preamble);
                let target = Listener::bind(*address, preamble, events.losses().clone())?;
                RecordSink::start(events, encoder, target)
            }
        })
    }

    /// The kinds of events that its format has, and those of which it has records where none are asked for.
    fn kinds(&self) -> (Kinds, Kinds) {
        let decisions = Kinds::of(&[Kind::Decided]);
        match self.format {
            OutputFormat::Json => (Kinds::ALL, json::RECORDS),
            OutputFormat::Csv => (FLOWS.or(decisions), FLOWS),
            OutputFormat::Eve => (FLOWS.or(decisions), FLOWS.or(decisions)),
            OutputFormat::Ipfix => (FLOWS, FLOWS),
        }
    }
}
