//! Where `pcap` and `replay` could disagree: lengths of 0, times that go back, gaps as long as a timeout,
//! AH; and, over the corpus, why they do.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::packets::{capture, dns, ipv4, udp};
use testkit::program::{file, pcap, subcommand};
use testkit::reference;

use crate::replay::setup::{can_replay, replay};

/// The flows of both, in an order that does not depend on when they were written.
fn both(arguments: &[&str]) -> [Vec<Value>; 2] {
    let sorted = |mut flows: Vec<Value>| {
        flows.sort_by_key(|flow| {
            [flow["src"].to_string(), flow["sport"].to_string(), flow["first_seen"].to_string()]
        });
        flows
    };
    let arguments = [&["--json"], arguments].concat();
    [sorted(pcap(&arguments).flows()), sorted(replay(&arguments).flows())]
}

#[test]
fn flows_are_idle_for_both_by_the_same_clock() {
    if !can_replay() {
        return;
    }
    let mut packets = Vec::new();
    // Gaps around the five minutes of UDP and the minute of others, then hours back, and on from there.
    for start in [100_000, 50_000, 200_000] {
        for (port, gap) in [(1001, 299), (1002, 300), (1003, 301), (1004, 20)] {
            packets
                .extend([0, gap, 2 * gap].map(|at| (start + at, udp([port, 9], false, &[1; 40]))));
        }
        packets.push((start + 700, ipv4(50, false, &[7; 40])));
    }
    packets.push((200_000 + 1000, udp([7, 7], true, &[3; 20])));
    let path = file("replay-agree", "clock.pcap", &capture(&packets));
    let [pcap, replay] = both(&[&path]);
    assert_eq!(pcap, replay);
    let idle = pcap.iter().filter(|flow| flow["end"] == "idle").count();
    assert!(idle > 5 && idle < pcap.len(), "{pcap:?}");
}

#[test]
fn a_packet_without_a_length_is_looked_into_by_both() {
    if !can_replay() {
        return;
    }
    let without = |mut packet: Vec<u8>| {
        packet[2..4].fill(0);
        packet
    };
    let query = dns(7, "zero.example", false);
    let path = file("replay-agree", "zero.pcap", &capture(&[(1, without(query.clone()))]));
    let whole = file("replay-agree", "whole.pcap", &capture(&[(1, query)]));
    let [pcap, replay] = both(&[&path]);
    assert_eq!(pcap, replay);
    assert_eq!(pcap[0]["hostname"], "zero.example");
    assert_eq!(pcap[0]["bytes"], both(&[&whole])[0][0]["bytes"]);
}

#[test]
fn a_packet_with_an_authentication_header_is_one_flow_for_both() {
    if !can_replay() {
        return;
    }
    // RFC 4302: next header UDP, four words, no more than zeros to check.
    let header = [&[17, 4, 0, 0][..], &[0; 20], &udp([5, 6], false, b"data")[20..]].concat();
    let path = file("replay-agree", "ah.pcap", &capture(&[(1, ipv4(51, false, &header))]));
    let [pcap, replay] = both(&[&path]);
    assert_eq!(pcap, replay);
    assert_eq!((&pcap[0]["proto"], &pcap[0]["app"]), (&51.into(), &"AH".into()));
}

/// What may differ, and why; see docs/records.md.
/// Captures with first fragments whose others are missing.
const FIRST_ALONE: [&str; 1] = ["badpackets.pcap"];

/// Whether a TCP flow was given up of which one end was hardly heard: what shows that it is a connection differs.
fn is_over_sooner(flow: &Value) -> bool {
    let seldom =
        ["packets_to_server", "packets_to_client"].iter().any(|it| flow[it].as_u64() < Some(2));
    flow["proto"] == 6 && flow["end"] == "idle" && seldom
}

#[test]
fn what_differs_over_the_corpus_has_a_reason() {
    let Some(folder) = reference::folder().filter(|_| can_replay()) else { return };
    let folder = folder.join("captures").display().to_string();
    let flows = |command: &str| {
        let arguments: &[&str] = if command == "replay" { &["--max-flows", "8192"] } else { &[] };
        let run = subcommand(command, &[&["--json"], arguments, &[&folder]].concat(), &[]);
        let mut flows = BTreeMap::<_, Vec<Value>>::new();
        for flow in run.records("flow") {
            let field = |name: &str| flow[name].to_string();
            let mut ends = [(field("src"), field("sport")), (field("dst"), field("dport"))];
            ends.sort();
            let key = (field("capture"), field("vlan"), field("proto"), ends);
            flows.entry(key).or_default().push(flow);
        }
        let skipped = |capture: &Value| {
            let fragments = capture["skipped"]["later_fragment"].is_u64();
            (capture["capture"].to_string(), fragments)
        };
        (flows, run.records("capture").iter().map(skipped).collect::<BTreeMap<_, _>>())
    };
    let ((ours, fragments), (theirs, _)) = (flows("pcap"), flows("replay"));
    let is_icmp = |proto: &str| matches!(proto, "1" | "58");
    let errors: Vec<_> = ours
        .keys()
        .filter(|key| is_icmp(&key.2) && !theirs.contains_key(*key))
        .map(|key| &key.0)
        .collect();
    for (key, ours) in &ours {
        let counted_there = fragments[&key.0] || errors.contains(&&key.0);
        let Some(theirs) = theirs.get(key) else {
            assert!(is_icmp(&key.2), "only ICMP errors count to another flow: {key:?}");
            continue;
        };
        let counted_there = counted_there || [&ours[0], &theirs[0]].into_iter().any(is_over_sooner);
        assert!(ours.len() == theirs.len() || counted_there, "{key:?}: {ours:?} {theirs:?}");
        // A replay puts datagrams together, of which nDPI says more than of their first fragments.
        let put_together = fragments[&key.0] || FIRST_ALONE.iter().any(|it| key.0.contains(it));
        for (mine, other) in ours.iter().zip(theirs) {
            for (field, value) in mine.as_object().unwrap() {
                let counts = ["packets", "bytes"].iter().any(|count| field.starts_with(count));
                let may_differ = counts || matches!(&**field, "last_seen" | "duration_us" | "end");
                let reason = counted_there && may_differ || is_icmp(&key.2) || put_together;
                assert!(*value == other[field] || reason, "{field}: {mine} {other}");
            }
        }
    }
    assert!(theirs.keys().all(|key| ours.contains_key(key)), "replay has no flow of its own");
}
