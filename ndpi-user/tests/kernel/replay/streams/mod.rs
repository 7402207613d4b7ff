//! TCP streams of which nDPI, packet by packet, reads something else than their receivers: what tools send
//! that get round filters, and what strangers send to have somebody's connection blocked.

mod later_requests;
mod quic;
mod requests;
mod shared;
mod ways;

use serde_json::Value;
use testkit::packets::capture;
use testkit::program::file;
use testkit::tcp::{Connection, Segment};

use super::setup::{can_replay, replay};

const POLICY: &str = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";

/// A way to send a connection: what it is called, and what is sent after the handshake.
struct Way {
    name: &'static str,
    segments: Vec<Segment>,
}

/// Replays a connection of each way, all in one capture, and returns the action of each flow.
fn actions(
    test: &str,
    server_port: u16,
    ways: &[fn(Connection) -> Way],
) -> Vec<(&'static str, Value)> {
    if !can_replay() {
        return Vec::new();
    }
    let mut packets = Vec::new();
    let mut names = Vec::new();
    for (port, way) in (40_000..).zip(ways) {
        let connection = Connection::new(port, server_port);
        let Way { name, segments } = way(connection);
        names.push((name, port));
        packets.extend(segments.iter().map(Segment::l3));
    }
    let packets: Vec<_> = (1..).zip(packets).collect();
    let policy = file(test, "policy.toml", POLICY.as_bytes());
    let path = file(test, "ways.pcap", &capture(&packets));
    let run = replay(&["--json", "--policy", &policy, &path]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let flows = run.flows();
    let action = |port: u16| {
        let flow = flows.iter().find(|flow| flow["sport"] == port);
        let flow = flow.unwrap_or_else(|| panic!("no flow of port {port}"));
        // What came too late to act on is no answer.
        assert!(flow["dropped"].as_u64() > Some(0) || flow["action"] != "drop", "{flow}");
        flow["action"].clone()
    };
    names.into_iter().map(|(name, port)| (name, action(port))).collect()
}

/// Asserts the action that every way meets.
fn assert_all(test: &str, server_port: u16, expected: &str, ways: &[fn(Connection) -> Way]) {
    for (name, action) in actions(test, server_port, ways) {
        assert_eq!(action, expected, "{name}");
    }
}
