//! Records with what tells one from all others.

use ndpi_events::{Envelope, Event, Kind};

use crate::encoder::Encoder;

/// Records behind a line with the end of the subject and what tells it from others of the instance.
pub(crate) struct Framed<E>(pub(crate) E);

impl<E: Encoder> Encoder for Framed<E> {
    fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        self.0.encode(event, out);
    }

    fn encode_envelope(&mut self, envelope: &Envelope, out: &mut Vec<u8>) {
        let Envelope { source, seq, event, .. } = envelope;
        let (subject, since) = (subject(event.kind()), source.since.timestamp().as_microsecond());
        let start = out.len();
        let head = format!("{subject} {since}-{}-{}-{seq}\n", source.pid, source.name);
        out.extend_from_slice(head.as_bytes());
        self.0.encode(event, out);
        if out.len() == start + head.len() {
            out.truncate(start);
        }
    }
}

/// The last part of a record's subject.
fn subject(kind: Kind) -> &'static str {
    match kind {
        Kind::FlowActive | Kind::FlowEnded => "flow",
        Kind::Decided | Kind::FlowUpdated => "verdict",
        Kind::Reloaded => "reload",
        Kind::Status | Kind::Warning => "status",
    }
}

/// The end of the subject, the number and the record.
pub(super) fn parts(frame: &[u8]) -> Option<(&str, &str, &[u8])> {
    let end = frame.iter().position(|&byte| byte == b'\n')?;
    let (head, record) = (std::str::from_utf8(&frame[..end]).ok()?, &frame[end + 1..]);
    let (subject, id) = head.split_once(' ')?;
    Some((subject, id, record.strip_suffix(b"\n").unwrap_or(record)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndpi_events::{SCHEMA, SourceId, Time};

    use super::*;
    use crate::testing::{blocked_flow, warning};
    use crate::{eve, json};

    fn envelope(event: Event) -> Envelope {
        let source = SourceId { name: "worker-0".into(), pid: 7, since: Time::from_ns(5_000_000) };
        Envelope { schema: SCHEMA, source: Arc::new(source), seq: 9, time: Time::default(), event }
    }

    #[test]
    fn each_record_has_its_subject_and_an_id_of_its_source_and_number() {
        let mut framed = Framed(json::write);
        for (event, subject) in [(blocked_flow(), "flow"), (warning("full"), "status")] {
            let mut out = Vec::new();
            framed.encode_envelope(&envelope(event.clone()), &mut out);
            let (found, id, record) = parts(&out).unwrap();
            assert_eq!((found, id), (subject, "5000-7-worker-0-9"));
            let mut expected = Vec::new();
            json::write(&event, &mut expected);
            assert_eq!(record, expected.trim_ascii_end());
        }
    }

    #[test]
    fn an_event_of_which_the_format_has_no_record_has_no_frame() {
        let mut out = b"before".to_vec();
        Framed(eve::write).encode_envelope(&envelope(warning("full")), &mut out);
        assert_eq!(out, b"before");
    }
}
