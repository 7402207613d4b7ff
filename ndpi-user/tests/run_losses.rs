//! What `ndpi-xdp run` says of packets that it could not look at.

mod support;

use std::net::UdpSocket;

use rustix::process::Signal;
use serde_json::Value;
use support::sandbox::Sandbox;
use support::{ready, wait_until};

const PROGRAMS: [&str; 4] = ["bpftool", "ip", "tc", "nsenter"];
/// Packets, each the first of a flow; far more than a ring of one page holds.
const PACKETS: u16 = 100;

/// Sends packets that come in on `left`.
fn send(sandbox: &Sandbox) {
    sandbox.ip("addr add 198.18.7.1/24 dev right");
    sandbox.ip("neigh add 198.18.7.2 lladdr 02:00:00:00:00:02 dev right");
    sandbox.inside(|| {
        let socket = UdpSocket::bind("198.18.7.1:0").unwrap();
        for port in 0..PACKETS {
            socket.send_to(&[0; 200], ("198.18.7.2", 1000 + port)).unwrap();
        }
    });
}

fn number(record: &Value, field: &str) -> u64 {
    record[field].as_u64().unwrap_or_else(|| panic!("no {field} in {record}"))
}

#[test]
fn packets_that_found_a_full_ring_are_told_by_cpu() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance =
        sandbox.start("run --iface left --json --workers 1 --ring-size 4096 --sweep 1");
    // Nobody reads the rings meanwhile.
    instance.signal(Signal::STOP);
    send(&sandbox);
    instance.signal(Signal::CONT);
    wait_until(|| instance.stderr().contains("as rings were full (CPU "));
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let record = instance.wait_for(|record| record["state"] == "stopped");
    assert!(number(&record, "seen") >= PACKETS.into());
    let left = ["passed", "dropped", "redirected"].map(|field| number(&record, field));
    assert_eq!(number(&record, "seen"), left.iter().sum::<u64>());
    let lossy = record["ring_full"].as_array().unwrap();
    assert!(!lossy.is_empty(), "{record}");
    let text: Vec<_> =
        lossy.iter().map(|it| format!("CPU {}: {}", it["cpu"], it["packets"])).collect();
    let said = instance.stderr();
    assert!(said.contains(&format!("rings were full: {}; try", text.join(", "))), "{said}");
}

#[test]
fn nothing_is_said_where_nothing_was_lost() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json --workers 1");
    send(&sandbox);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let record = instance.wait_for(|record| record["state"] == "stopped");
    assert!(number(&record, "seen") >= PACKETS.into());
    assert_eq!(record.get("ring_full"), None);
    assert!(!instance.stderr().contains("rings were full"));
}
