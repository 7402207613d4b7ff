//! Files are read back with the library that writes them; `ndpi-user`'s tests have them read by others.

use std::time::Duration;

use bytes::Bytes;
use ndpi_events::{BusBuilder, Kinds, Time};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

use super::*;
use crate::destination::{Reopen, WholeFiles};
use crate::lines::RecordSink;
use crate::row::{FIELDS, Holds};
use crate::testing::{active_flow, blocked_flow, decision, warning};

fn encoder(size: Option<u64>, reopen: &Reopen) -> Parquet {
    Parquet::new(&Rotation { size, ..Rotation::default() }, reopen.follow())
}

/// The rows of a file, each with the values of its columns by their names.
fn rows(file: Vec<u8>) -> Vec<Vec<(String, Field)>> {
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().into_columns()).collect()
}

fn value<'a>(row: &'a [(String, Field)], name: &str) -> &'a Field {
    &row.iter().find(|(its, _)| its == name).unwrap().1
}

#[test]
fn a_file_holds_what_the_events_say() {
    let mut encoder = encoder(None, &Reopen::default());
    let mut out = Vec::new();
    for event in [blocked_flow(), warning("of no flow"), active_flow(), decision("drop")] {
        encoder.encode(&event, &mut out);
    }
    encoder.flush(&mut out);
    assert!(out.is_empty() && encoder.held() == 3 && encoder.due().is_some());
    encoder.finish(&mut out);
    assert!(encoder.held() == 0 && encoder.due().is_none());
    let rows = rows(out);
    let kinds: Vec<_> = rows.iter().map(|row| value(row, "type").to_string()).collect();
    assert_eq!(kinds, ["\"flow\"", "\"flow-active\"", "\"verdict\""]);
    let first = &rows[0];
    assert_eq!(value(first, "src"), &Field::Str("198.18.0.1".into()));
    assert_eq!(value(first, "dport"), &Field::ULong(443));
    assert_eq!(value(first, "dropped"), &Field::ULong(6));
    assert_eq!(value(first, "guessed"), &Field::Bool(false));
    assert_eq!(value(first, "tunnel"), &Field::Null);
    let seen = Time::from_ns(1_700_000_000_000_000_000).timestamp().as_microsecond();
    assert_eq!(value(first, "first_seen"), &Field::TimestampMicros(seen));
    assert_eq!(value(&rows[2], "first_seen"), &Field::Null, "of a decision");
    assert_eq!(value(&rows[2], "latency_us"), &Field::ULong(9));
}

/// A flow with lists of none, one and two.
fn with_lists() -> Event {
    let Event::FlowEnded(mut flow) = blocked_flow() else { unreachable!("it is one") };
    flow.label.content.tls_names = vec!["one.example".into(), "two.example".into()];
    flow.label.content.dns_answers = vec![[198, 18, 0, 9].into()];
    Event::FlowEnded(flow)
}

#[test]
fn lists_have_their_values_in_order_and_no_others() {
    let mut encoder = encoder(None, &Reopen::default());
    let mut out = Vec::new();
    for event in [with_lists(), blocked_flow(), with_lists()] {
        encoder.encode(&event, &mut out);
    }
    encoder.finish(&mut out);
    let rows = rows(out);
    let texts = |row: &[(String, Field)], name: &str| match value(row, name) {
        Field::ListInternal(list) => {
            list.elements().iter().map(ToString::to_string).collect::<Vec<_>>()
        }
        other => panic!("{other}"),
    };
    for row in [&rows[0], &rows[2]] {
        assert_eq!(texts(row, "tls_names"), ["\"one.example\"", "\"two.example\""]);
        assert_eq!(texts(row, "dns_answers"), ["\"198.18.0.9\""]);
        assert!(texts(row, "risks").is_empty());
    }
    assert!(texts(&rows[1], "tls_names").is_empty());
}

#[test]
fn each_field_gives_values_of_its_kind() {
    let events = [with_lists(), active_flow(), decision("drop")];
    for event in &events {
        let row = Row::of(event).unwrap();
        for field in &FIELDS {
            use crate::row::Value::{
                Absent, Address, Addresses, Flag, Mac, Names, Number, Text, Texts, Time, Words,
            };
            let fits = match (field.value)(&row) {
                Absent => field.holds != Holds::List && field.holds != Holds::Flag,
                Number(_) => field.holds == Holds::Number,
                Text(_) | Address(_) | Mac(_) => field.holds == Holds::Text,
                Flag(_) => field.holds == Holds::Flag,
                Time(_) => field.holds == Holds::Moment,
                Texts(_) | Words(_) | Names(_) | Addresses(_) => field.holds == Holds::List,
            };
            assert!(fits, "{}", field.name);
        }
    }
}

#[test]
fn files_end_by_size_and_when_they_are_asked_for() {
    let reopen = Reopen::default();
    let mut encoder = encoder(Some(1), &reopen);
    let mut out = Vec::new();
    let event = blocked_flow();
    let mut events = 0_u32;
    while out.is_empty() {
        encoder.encode(&event, &mut out);
        events += 1;
    }
    assert_eq!(rows(std::mem::take(&mut out)).len(), events as usize, "a group of rows");
    encoder.encode(&event, &mut out);
    encoder.flush(&mut out);
    assert!(out.is_empty());
    reopen.ask();
    encoder.flush(&mut out);
    assert_eq!(rows(std::mem::take(&mut out)).len(), 1);
    reopen.ask();
    encoder.flush(&mut out);
    assert!(out.is_empty(), "no file without a row");
}

#[test]
fn a_file_ends_at_its_age_though_nothing_more_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.parquet");
    let mut bus = BusBuilder::default();
    let events = bus.subscribe(Kinds::ALL, |_| true, 9);
    let rotation = Rotation { every: Some(Duration::from_millis(1)), ..Rotation::default() };
    let encoder = Parquet::new(&rotation, Reopen::default().follow());
    let sink = RecordSink::start(events, encoder, Box::new(WholeFiles::new(path, None)));
    let mut source = bus.build(Time::default()).source("test");
    source.publish(Time::default(), blocked_flow());
    let deadline = Instant::now() + Duration::from_secs(20);
    while sink.losses().waiting() > 0 {
        assert!(Instant::now() < deadline, "it is held back");
        std::thread::sleep(Duration::from_millis(5));
    }
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1);
    let file = std::fs::read(files[0].as_ref().unwrap().path()).unwrap();
    assert_eq!(rows(file).len(), 1);
}
