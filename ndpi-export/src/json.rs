//! Events as JSON lines: the records of docs/records.md.

use ndpi_events::{Event, Kind, Kinds};

/// What is a record of its own. Other kinds are for those who follow the bus.
pub(super) const RECORDS: Kinds =
    Kinds::of(&[Kind::Decided, Kind::FlowActive, Kind::FlowEnded, Kind::Status]);

/// Appends a line with the event.
pub(super) fn write(event: &Event, out: &mut Vec<u8>) {
    let before = out.len();
    // Events are made of texts and numbers; none can fail to be written.
    if let Err(error) = serde_json::to_writer(&mut *out, event) {
        log::error!("could not write a record as JSON: {error}");
        return out.truncate(before);
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use ndpi_events::{Event, Load, Status, Time};

    #[test]
    fn a_record_begins_with_what_tells_it_from_others() {
        let load = Load { time: Time::default(), longest_us: 7, left_out: 0 };
        let mut line = Vec::new();
        super::write(&Event::Status(Status::Behind(load)), &mut line);
        let expected = concat!(
            r#"{"type":"status","state":"behind","time":"1970-01-01T00:00:00.000000Z","#,
            r#""longest_us":7,"left_out":0}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }
}
