//! Records of flows as comma-separated values (RFC 4180).

use std::fmt::Display;
use std::io::Write as _;

use ndpi_events::Event;

use super::row::{FIELDS, Row, Value};

/// The line with the names of the columns.
pub fn header() -> String {
    let names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    names.join(",") + "\n"
}

/// Appends a line for an event about a flow; nothing for others. Lists are separated by semicolons; absent facts are
/// empty.
pub fn write(event: &Event, out: &mut Vec<u8>) {
    let Some(row) = Row::of(event) else { return };
    let mut separator: &[u8] = b"";
    for field in &FIELDS {
        out.extend_from_slice(separator);
        separator = b",";
        write_value((field.value)(&row), out);
    }
    out.push(b'\n');
}

fn write_value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Absent => {}
        Value::Number(number) => plain(number, out),
        Value::Flag(flag) => plain(flag, out),
        Value::Address(address) => plain(address, out),
        Value::Mac(mac) => plain(mac, out),
        Value::Time(time) => plain(time, out),
        Value::Text(text) => quoted(text, out),
        Value::Texts(texts) => list(texts, out),
        Value::Words(words) => list(words, out),
        Value::Names(names) => list(names, out),
        Value::Addresses(addresses) => list(addresses, out),
    }
}

/// A field without commas, quotes or line ends.
fn plain(value: impl Display, out: &mut Vec<u8>) {
    // Memory takes it.
    let _ = write!(out, "{value}");
}

fn list(values: &[impl Display], out: &mut Vec<u8>) {
    match values {
        [] => {}
        [one] => quoted(&one.to_string(), out),
        all => quoted(&all.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"), out),
    }
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    if text.contains(['"', ',', '\n', '\r']) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}
