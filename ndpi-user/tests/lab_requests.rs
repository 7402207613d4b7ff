//! The lab as a test: real clients and servers, with the real program on the router between them.
//!
//! It drives `cargo xtask lab`, the very command that a newcomer runs, so that what is shown is
//! what is proved.

mod support;

use std::env;
use std::path::Path;
use std::process::Command;

use ndpi_common::Action;
use serde_json::Value;
use support::{binary, ndpi_library, ready};

const PROGRAMS: [&str; 9] =
    ["bpftool", "curl", "dig", "dnsmasq", "ip", "nginx", "openssl", "ssh", "sshd"];

#[test]
fn blocked_sites_are_dropped_in_the_kernel_and_allowed_ones_answer() {
    if !ready(&PROGRAMS) {
        return;
    }
    let output = lab()
        .args(["lab", "--json", "--binary"])
        .arg(binary())
        .env("NDPI_LIBRARY", ndpi_library())
        .output()
        .unwrap();
    let (stdout, said) =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).into();
    let records: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!records.is_empty(), "no records; standard error:\n{said}");
    for record in &records {
        check(record);
    }
    for expected in ["answered", "blocked"] {
        let of_it =
            |family| records.iter().filter(move |r| r["expected"] == expected && r["ip"] == family);
        assert!(of_it(4).count() > 0 && of_it(6).count() > 0, "no {expected} request over one IP");
    }
    assert!(said.contains("nothing is left behind"), "{said}");
    assert!(output.status.success(), "{said}");
}

/// One request: what the client got, what the verdict was, and what the kernel's map showed of it.
fn check(record: &Value) {
    assert_eq!(record["problems"], Value::Array(Vec::new()), "{record:#}");
    let blocked = record["expected"] == "blocked";
    assert_eq!(record["answered_without"], true, "without ndpi-xdp: {record:#}");
    assert_eq!(record["answered"], !blocked, "{record:#}");
    assert_eq!(record["action"] == "drop", blocked, "{record:#}");
    let dropped = record["dropped"].as_u64().unwrap_or(0);
    assert_eq!(dropped > 0, blocked, "dropped in the kernel: {record:#}");
    let action = if blocked { Action::Drop } else { Action::Count };
    check_entry(&record["map"], action, record);
}

/// The flow's entry as `bpftool -p map dump pinned` formats it: fields by name, the same action,
/// and the kernel's own counters for a blocked flow.
fn check_entry(entry: &Value, action: Action, record: &Value) {
    for field in ["lower_port", "upper_port", "proto"] {
        assert!(entry["key"][field].is_u64(), "key.{field} in the map: {record:#}");
    }
    let value = &entry["value"];
    assert_eq!(value["action"], action as u8, "action in the map: {record:#}");
    let packets = |direction: &str| value[direction]["packets"].as_u64().unwrap();
    let counted = packets("from_lower") + packets("from_upper");
    assert!(counted > 0 || action != Action::Drop, "the kernel counted nothing: {record:#}");
}

/// xtask: the one that runs these tests, else the one that cargo builds.
fn lab() -> Command {
    if let Some(xtask) = env::var_os("XTASK") {
        return Command::new(xtask);
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "xtask", "--"]);
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo
}
