//! The whole way, from captures to records, with nDPI.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use testkit::flow_records::FlowRecords;
use testkit::program::binary;
use testkit::reference::{self, Reference};

use crate::ndpi_is_there;

/// The fields that must agree where nDPI is given packets as they come.
const FIELDS: [&str; 6] = ["app", "category", "state", "inspected", "packets", "hostname"];
/// Those that must where it is given what their receivers read of them: it may need more or fewer.
const OF_STREAMS: [&str; 3] = ["app", "category", "hostname"];
/// On how many of a thousand flows each field must agree.
const MUST_AGREE: usize = 999;

#[test]
fn records_agree_with_the_reference() {
    agree("off", &FIELDS);
}

#[test]
fn what_receivers_read_is_classified_as_what_was_sent() {
    agree("on", &OF_STREAMS);
}

fn agree(normalise: &str, fields: &[&str]) {
    let Some(folder) = reference::folder() else { return };
    if !ndpi_is_there() {
        return;
    }
    let references = reference::read(&folder);
    let mut ours = classify(&folder, normalise, references.keys());
    let (mut flows, mut agree, mut shown) = (0, BTreeMap::<&str, usize>::new(), 0);
    for flow in references.values().flat_map(Reference::values) {
        flows += 1;
        let found = ours.take_nearest(&flow, &FIELDS).unwrap_or_default();
        let (equal, different): (Vec<_>, Vec<_>) =
            fields.iter().partition(|&&field| found[field] == flow[field]);
        for &field in equal {
            *agree.entry(field).or_default() += 1;
        }
        if !different.is_empty() && shown < 20 {
            shown += 1;
            eprintln!("{different:?} differ\n  want {flow}\n  have {found}");
        }
    }
    assert!(flows > 0, "the reference has flows");
    for &field in fields {
        let equal = agree.get(field).copied().unwrap_or_default();
        eprintln!("{field}: {equal} of {flows} flows agree");
        assert!(equal * 1000 >= flows * MUST_AGREE, "{field}: {equal} of {flows} flows agree");
    }
}

/// Runs the program over all captures and returns its flow records.
fn classify<'a>(
    folder: &Path,
    normalise: &str,
    captures: impl Iterator<Item = &'a String>,
) -> FlowRecords {
    let output = Command::new(binary())
        .args(["pcap", "--json", "--whole-capture", "--normalise", normalise])
        .args(captures)
        .current_dir(folder.join("captures"))
        .output()
        .expect("the program runs");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    FlowRecords::of(&text)
}
