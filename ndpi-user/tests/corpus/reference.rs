//! The reference results, and where they are.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// What nDPI says of one capture.
#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) capture: String,
    pub(crate) skipped: u64,
    #[serde(rename = "flows")]
    records: Vec<Value>,
}

impl Reference {
    /// Its flows, each with the name of its capture, as records have it.
    pub(crate) fn values(&self) -> impl Iterator<Item = Value> {
        self.records.iter().map(|flow| {
            let mut flow = flow.clone();
            flow["capture"] = self.capture.clone().into();
            flow
        })
    }

    /// Its flows, as far as reading packets tells of them.
    pub(crate) fn flows(&self) -> impl Iterator<Item = Flow> {
        self.records.iter().map(|flow| Flow::deserialize(flow).expect("a flow of the reference"))
    }
}

/// What packets tell of one flow.
#[derive(Deserialize)]
pub(crate) struct Flow {
    pub(crate) vlan: u16,
    pub(crate) proto: u8,
    pub(crate) src: IpAddr,
    pub(crate) sport: u16,
    pub(crate) dst: IpAddr,
    pub(crate) dport: u16,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

/// The corpus's folder; `None`, with a word on standard error, where there is none.
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let named = env::var_os("NDPI_CORPUS").filter(|value| !value.is_empty());
    let is_named = named.is_some();
    let folder = named.map_or(beside, PathBuf::from);
    if folder.join("reference.jsonl").is_file() {
        return Some(folder);
    }
    assert!(!is_named, "NDPI_CORPUS is set, but {} has no reference.jsonl", folder.display());
    eprintln!("skipped: no corpus in {} (set NDPI_CORPUS)", folder.display());
    None
}

/// The reference results by capture.
pub(crate) fn read(folder: &Path) -> BTreeMap<String, Reference> {
    let text = fs::read_to_string(folder.join("reference.jsonl")).expect("reference.jsonl");
    let parse = |line| serde_json::from_str(line).expect("a reference result a line");
    text.lines().map(parse).map(|r: Reference| (r.capture.clone(), r)).collect()
}
