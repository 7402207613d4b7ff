//! The lab as a test: real clients and servers, with the real program on the router between them.
//!
//! It drives `cargo xtask lab`, the very command that a newcomer runs, so that what is shown is
//! what is proved.

use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use ndpi_common::Action;
use ndpi_kernel::object::kernel_object;
use serde_json::Value;
use testkit::places::ndpi_library;
use testkit::program::binary;

const PROGRAMS: [&str; 10] =
    ["bpftool", "curl", "dig", "dnsmasq", "ip", "nft", "nginx", "openssl", "ssh", "sshd"];

#[test]
fn blocked_sites_are_dropped_in_the_kernel_and_allowed_ones_answer() {
    if !ready(&PROGRAMS) {
        return;
    }
    let (records, said) = run(&["--scenario", "category"]);
    let requests: Vec<_> = of_type(&records, "request").collect();
    assert!(!requests.is_empty(), "no requests; standard error:\n{said}");
    for record in &requests {
        check(record);
    }
    for expected in ["answered", "blocked"] {
        let of_it = |family| {
            requests.iter().filter(move |r| r["expected"] == expected && r["ip"] == family)
        };
        assert!(of_it(4).count() > 0 && of_it(6).count() > 0, "no {expected} request over one IP");
    }
}

#[test]
fn every_scenario_goes_as_it_should() {
    if !ready(&PROGRAMS) {
        return;
    }
    let list = lab().args(["lab", "--list"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let names: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    // `category` is the other test's.
    let names: Vec<_> = names.into_iter().filter(|name| *name != "category").collect();
    assert!(names.contains(&"reload"), "{list}");
    let (records, said) = run(&[&["--scenario"], &names[..]].concat());
    let scenarios: Vec<_> = of_type(&records, "scenario").collect();
    let told: Vec<_> = scenarios.iter().map(|record| record["name"].as_str().unwrap()).collect();
    assert_eq!(told, names, "{said}");
    for record in scenarios {
        assert!(record["checks"].as_array().is_some_and(|checks| checks.len() > 1), "{record:#}");
        assert_eq!(record["right"], true, "{record:#}");
    }
}

/// One lab at a time: each has `ndpi-xdp` on its router, which pins its maps in one place.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs the lab, which must succeed and leave nothing behind; its records, and what it said.
fn run(arguments: &[&str]) -> (Vec<Value>, String) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let output = lab()
        .args(["lab", "--json", "--binary"])
        .arg(binary())
        .args(arguments)
        .env("NDPI_LIBRARY", ndpi_library())
        .output()
        .unwrap();
    let (stdout, said) =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).into();
    let records: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(said.contains("nothing is left behind"), "{said}");
    let wrong: Vec<_> = records.iter().filter(|record| record["right"] == false).collect();
    assert!(output.status.success(), "{said}\n{wrong:#?}");
    (records, said)
}

fn of_type<'a>(records: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    records.iter().filter(move |record| record["type"] == kind)
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

/// Where sudo looks for programs: `secure_path` of Debian and Ubuntu.
const SUDO_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// xtask: the one that runs these tests, else the one that cargo builds.
fn lab() -> Command {
    if let Some(xtask) = env::var_os("XTASK").filter(|value| !value.is_empty()) {
        let mut xtask = Command::new(xtask);
        // As after sudo, which does not find the Rust of the caller's home.
        xtask.env("PATH", SUDO_PATH);
        return xtask;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "xtask", "--"]);
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo
}

/// Whether these tests can run: as root, with these programs of the distribution, nDPI, and an
/// `ndpi-xdp` with its BPF programs. If not, says why; in CI that is a failure.
fn ready(programs: &[&str]) -> bool {
    testkit::program::ready(programs, kernel_object())
}
