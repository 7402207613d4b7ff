//! nDPI's own results for the captures of its corpus ([`crate::places::corpus`]).

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::places;

const FILE: &str = "reference.jsonl";

/// What nDPI says of one capture.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The capture's file name.
    pub capture: String,
    /// Packets that belong to no flow.
    pub skipped: u64,
    records: Vec<Value>,
}

/// What packets tell of one flow.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The VLAN, or 0.
    pub vlan: u16,
    /// The IP protocol.
    pub proto: u8,
    /// The end that was seen first.
    pub src: IpAddr,
    /// Its port.
    pub sport: u16,
    /// The other end.
    pub dst: IpAddr,
    /// Its port.
    pub dport: u16,
    /// Of both directions.
    pub packets: u64,
    /// Of both directions, from the IP header on.
    pub bytes: u64,
}

/// The corpus's folder; `None` after saying so where there is none.
pub fn folder() -> Option<PathBuf> {
    places::corpus(FILE)
}

/// The reference results by capture.
pub fn read(folder: &Path) -> BTreeMap<String, Reference> {
    let text = fs::read_to_string(folder.join(FILE)).expect(FILE);
    let parse = |line| Reference::of(&serde_json::from_str(line).expect("JSON"));
    text.lines().map(parse).map(|result| (result.capture.clone(), result)).collect()
}

impl Reference {
    fn of(line: &Value) -> Self {
        Self {
            capture: text(line, "capture").to_owned(),
            skipped: number(line, "skipped"),
            records: line["flows"].as_array().expect("flows").clone(),
        }
    }

    /// Its flows, each with the name of its capture, as records have it.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        self.records.iter().map(|flow| {
            let mut flow = flow.clone();
            flow["capture"] = self.capture.clone().into();
            flow
        })
    }

    /// Its flows, as far as reading packets tells of them.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        self.records.iter().map(Flow::of)
    }
}

impl Flow {
    fn of(record: &Value) -> Self {
        let address = |name| text(record, name).parse().expect("an address");
        Self {
            vlan: number(record, "vlan"),
            proto: number(record, "proto"),
            src: address("src"),
            sport: number(record, "sport"),
            dst: address("dst"),
            dport: number(record, "dport"),
            packets: number(record, "packets"),
            bytes: number(record, "bytes"),
        }
    }
}

fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record[name].as_str().unwrap_or_else(|| panic!("{name} of {record}"))
}

fn number<T: TryFrom<u64>>(record: &Value, name: &str) -> T {
    let number = record[name].as_u64().and_then(|number| T::try_from(number).ok());
    number.unwrap_or_else(|| panic!("{name} of {record}"))
}
