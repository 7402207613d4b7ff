//! The records of a replay are those of `pcap`: the kernel and user space agree about every flow.

use serde_json::Value;
use testkit::packets::{dns, ipv4, tcp, udp};
use testkit::program::{file, pcap};

use crate::replay::build::{ETHERNET, Packet, capture_of, ethernet, fragments, tcp_with, whole};
use crate::replay::setup::{can_replay, replay};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN_ACK: u8 = 0x11;
const PUSH_ACK: u8 = 0x18;
/// The IP protocol (IANA).
const GRE: u8 = 47;

/// IP packets of flows that begin, end and pause in all ways, with their times.
fn traffic() -> Vec<(u32, Vec<u8>)> {
    let request = b"GET / HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: test\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";
    let connection = |second, port| {
        [
            (SYN, false, &b""[..]),
            (SYN | ACK, true, b""),
            (ACK, false, b""),
            (PUSH_ACK, false, request),
            (PUSH_ACK, true, answer),
            (FIN_ACK, false, b""),
            (FIN_ACK, true, b""),
            (ACK, false, b""),
        ]
        .map(|(flags, back, payload)| (second, tcp_with(port, flags, back, payload)))
    };
    let mut traffic = Vec::new();
    traffic.extend([(100, dns(1, "a.example", false)), (101, dns(1, "a.example", true))]);
    traffic.extend(connection(102, 5001));
    // The same ports again, at once.
    traffic.extend(connection(103, 5001));
    traffic.push((104, tcp(SYN, false)));
    traffic.push((104, udp([9, 9], false, &[1; 40])));
    traffic.push((105, ipv4(1, false, &[8, 0, 0, 0, 0, 1, 0, 1, 7, 7])));
    traffic.push((105, vec![0x75; 40]));
    let mut inside = dns(3, "c.example", false);
    inside[12..20].copy_from_slice(&[198, 19, 0, 2, 198, 19, 0, 1]);
    traffic.push((106, ipv4(GRE, false, &[&[0, 0, 8, 0][..], &inside].concat())));
    // Silence that ends flows; a capture joined to it that is older; and a little out of order.
    traffic.extend([(1000, dns(1, "a.example", false)), (1001, dns(1, "a.example", true))]);
    traffic.extend([(50, dns(2, "b.example", false)), (49, dns(2, "b.example", true))]);
    traffic.extend([(400, dns(2, "b.example", false)), (401, dns(2, "b.example", true))]);
    traffic
}

fn raw(traffic: &[(u32, Vec<u8>)]) -> Vec<u8> {
    testkit::packets::capture(traffic)
}

fn sorted(mut records: Vec<Value>) -> Vec<Value> {
    records.sort_by_key(ToString::to_string);
    records
}

#[test]
fn flows_are_those_of_pcap() {
    if !can_replay() {
        return;
    }
    let path = file("replay-records", "all.pcap", &raw(&traffic()));
    for view in [&["--json"][..], &["--json", "--tunnels"]] {
        let arguments = [view, &[path.as_str()]].concat();
        let (mut ours, theirs) = (replay(&arguments).flows(), pcap(&arguments).flows());
        if view.contains(&"--tunnels") {
            // The tunnel that is looked into has a verdict, and so a record, of its own in the kernel.
            let all = ours.len();
            ours.retain(|flow| flow["proto"] != GRE);
            assert_eq!(ours.len(), all - 1, "{view:?}");
        }
        assert_eq!(sorted(ours), sorted(theirs), "{view:?}");
    }
    let arguments = ["--json", "--whole-capture", &path];
    assert_eq!(replay(&arguments).flows(), pcap(&arguments).flows());
    let arguments = ["--csv", "--whole-capture", &path];
    let (ours, theirs) = (replay(&arguments), pcap(&arguments));
    assert_eq!((ours.code, &ours.stdout), (Some(0), &theirs.stdout));
}

#[test]
fn flows_end_as_those_of_pcap_do() {
    if !can_replay() {
        return;
    }
    let path = file("replay-ends", "all.pcap", &raw(&traffic()));
    let flows = replay(&["--json", &path]).flows();
    let mut ends: Vec<_> = flows.iter().map(|flow| flow["end"].as_str().unwrap()).collect();
    ends.sort_unstable();
    // The last packet comes long after most have fallen silent.
    let idle = ["idle"; 7];
    assert_eq!(ends, [&["closed"][..], &idle, &["reused", "source-ended"]].concat());
    // Both connections are whole, and the second one's SYN is its own.
    let of_port = |port: u64| {
        let mine = flows.iter().filter(move |flow| flow["sport"] == port);
        mine.map(|flow| flow["packets"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of_port(5001), [8, 8]);
    let merged = replay(&["--json", "--whole-capture", &path]).flows();
    let merged = merged.iter().find(|flow| flow["sport"] == 5001).unwrap();
    assert_eq!((&merged["packets"], &merged["end"]), (&16.into(), &"source-ended".into()));
}

#[test]
fn every_link_layer_gives_the_same_flows() {
    if !can_replay() {
        return;
    }
    let cooked = [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0];
    let dsa = [&[2; 12][..], &[0xc0, 0x0a, 0, 0, 8, 0]].concat();
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let radiotap = [&[0, 0, 8, 0, 0, 0, 0, 0, 8, 1][..], &[0; 22], &snap].concat();
    let layers: [(u32, &[u8]); 11] = [
        (ETHERNET, &[2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 0]),
        (0, &[2, 0, 0, 0]),
        (9, &[0, 0x21]),
        (108, &[0, 0, 0, 2]),
        (113, &cooked),
        (276, &[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (50, &[0x0f, 0, 8, 0]),
        (284, &dsa),
        (127, &radiotap),
        // The longest that the attribute's length can be: the IP length ends each packet.
        (239, &[2, 0, 0, 42, 8, 0, 1, 0, 8, 0, 1, 0, 0xff, 0xff, 9, 0]),
        (100, &snap),
    ];
    let wanted = {
        let path = file("replay-links", "same.pcap", &raw(&traffic()));
        replay(&["--json", &path]).flows()
    };
    for (link_type, header) in layers {
        let packets: Vec<_> = traffic()
            .into_iter()
            .map(|(second, packet)| whole(second, [header, &packet].concat()))
            .collect();
        let path = file("replay-links", "same.pcap", &capture_of(link_type, &packets));
        assert_eq!(replay(&["--json", &path]).flows(), wanted, "link type {link_type}");
    }
    let tag = [&cooked[..14], &[0x81, 0, 0, 5, 8, 0], &dns(1, "a.example", false)].concat();
    let path = file("replay-links", "tag.pcap", &capture_of(113, &[whole(1, tag)]));
    assert_eq!(replay(&["--json", &path]).flows()[0]["vlan"], 5);
}

#[test]
fn what_was_not_captured_counts_as_on_the_wire() {
    if !can_replay() {
        return;
    }
    for snap in [20, 40, 54, 60, 90, 100] {
        // Behind a header that is cut nothing is known, nor made up: the kernel counts what is
        // there.
        let headers_are_whole = snap >= 54;
        let packets: Vec<_> = traffic()
            .into_iter()
            .map(|(second, bytes)| Packet { second, bytes: ethernet(&bytes), snap })
            .collect();
        let path = file("replay-snap", "snap.pcap", &capture_of(ETHERNET, &packets));
        let arguments = ["--json", "--whole-capture", &path];
        let [ours, theirs] = [replay(&arguments), pcap(&arguments)].map(|run| {
            // Without one whole header there is no flow, and that is said.
            assert_eq!(run.code, Some(i32::from(run.records("flow").is_empty())), "{}", run.stderr);
            let mut flows = run.records("flow");
            for flow in flows.iter_mut().filter(|_| !headers_are_whole) {
                for field in ["bytes", "bytes_to_client", "bytes_to_server"] {
                    flow[field].take();
                }
            }
            flows
        });
        assert_eq!(ours, theirs, "{snap} bytes captured");
    }
}

#[test]
fn later_fragments_count_to_their_flow() {
    if !can_replay() {
        return;
    }
    let packets: Vec<_> = fragments([4001, 9], 1).into_iter().map(|it| (1, it)).collect();
    let path = file("replay-fragments", "fragments.pcap", &raw(&packets));
    let flow = &replay(&["--json", &path]).flows()[0];
    assert_eq!((&flow["packets"], &flow["inspected"]), (&3.into(), &1.into()));
    assert_eq!((&flow["sport"], &flow["bytes"]), (&4001.into(), &(64 + 3 * 20).into()));
}

#[test]
fn captures_know_nothing_of_each_other() {
    if !can_replay() {
        return;
    }
    let path = file("replay-twice", "all.pcap", &raw(&traffic()));
    let once = replay(&["--json", "--packets", &path]).stdout;
    assert!(once.lines().count() > traffic().len());
    assert_eq!(replay(&["--json", "--packets", &path, &path]).stdout, once.repeat(2));
}

#[test]
fn a_cut_capture_is_an_error_after_what_it_had() {
    if !can_replay() {
        return;
    }
    let bytes = raw(&traffic());
    let cut = file("replay-cut", "cut.pcap", &bytes[..bytes.len() - 10]);
    let run = replay(&["--json", &cut, "/nowhere/at/all.pcap"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("cut.pcap"), "{}", run.stderr);
    assert!(run.stderr.contains("cannot open /nowhere/at/all.pcap"), "{}", run.stderr);
    // Those that are over at the end are written in another order.
    let sorted = |mut flows: Vec<Value>| {
        flows.sort_by_key(ToString::to_string);
        flows
    };
    assert_eq!(sorted(run.records("flow")), sorted(pcap(&["--json", &cut]).records("flow")));
    let captures = run.records("capture");
    assert!(captures[0]["error"].as_str().unwrap().contains("the capture ends inside"));
    assert_eq!((&captures[0]["run"], &captures[1]["run"]), (&traffic().len().into(), &0.into()));
}
