//! From events to the bytes of records.

use std::time::Instant;

use ndpi_events::{Envelope, Event};

/// Makes records of events.
pub(super) trait Encoder: Send {
    /// Appends what a file or a connection begins with.
    fn preamble(&mut self, _out: &mut Vec<u8>) {}

    /// Appends records, whole, or nothing yet.
    fn encode(&mut self, event: &Event, out: &mut Vec<u8>);

    /// The same of an event in its envelope.
    fn encode_envelope(&mut self, envelope: &Envelope, out: &mut Vec<u8>) {
        self.encode(&envelope.event, out);
    }

    /// Appends what it has held back, as no other event is waiting.
    fn flush(&mut self, _out: &mut Vec<u8>) {}

    /// Events of which it has made no record yet, though no other is waiting.
    fn held(&self) -> u64 {
        0
    }

    /// When it is to be [flushed](Self::flush) though no event has come.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Appends all that it has held back: no event comes any more.
    fn finish(&mut self, _out: &mut Vec<u8>) {}

    /// How long the first is of the records that were appended at once.
    fn length(&self, appended: &[u8]) -> usize {
        appended.len()
    }
}

impl<F: FnMut(&Event, &mut Vec<u8>) + Send> Encoder for F {
    fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        self(event, out);
    }
}

/// Records behind a line of names.
pub(super) struct Headed<F> {
    pub(super) header: String,
    pub(super) write: F,
}

impl<F: FnMut(&Event, &mut Vec<u8>) + Send> Encoder for Headed<F> {
    fn preamble(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.header.as_bytes());
    }

    fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        (self.write)(event, out);
    }
}
