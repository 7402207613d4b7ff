//! Findings of captures, in records and reports.

use serde_json::Value;
use testkit::packets::{capture, dns};
use testkit::program::{file, pcap};
use testkit::tcp::{Connection, Segment};

use crate::ndpi_is_there;

const POLICY: &str =
    "[[rule]]\nname = \"forged\"\nevasion = \"dns-unsolicited\"\naction = \"drop\"\n";

/// Answers of a DNS server: to a question of port 4001, twice to port 4002, which asked nothing, and to port
/// 4003, which asked for something else.
fn answers() -> String {
    let packets = [
        dns(1, "a.example", false),
        dns(1, "a.example", true),
        dns(2, "b.example", true),
        dns(2, "b.example", true),
        dns(3, "d.example", false),
        dns(3, "c.example", true),
    ];
    let packets: Vec<_> = (1..).zip(packets).collect();
    file("findings", "answers.pcap", &capture(&packets))
}

/// Findings and action of the flow with this port.
fn of(flows: &[Value], port: u16) -> (&Value, &Value) {
    let has_port = |flow: &&Value| flow["sport"] == port || flow["dport"] == port;
    let flow = flows.iter().find(has_port).expect("a flow with the port");
    (&flow["findings"], &flow["action"])
}

#[test]
fn an_answer_that_nobody_asked_for_is_in_records_and_reports() {
    if !ndpi_is_there() {
        return;
    }
    let (answers, policy) = (answers(), file("findings", "policy.toml", POLICY.as_bytes()));
    for threads in ["1", "2"] {
        let run = pcap(&["--json", "--threads", threads, "--policy", &policy, &answers]);
        let flows = run.flows();
        let found = serde_json::json!(["dns-unsolicited"]);
        assert_eq!(of(&flows, 4001), (&Value::Null, &"count".into()), "{}", run.stderr);
        assert_eq!(of(&flows, 4002), (&found, &"drop".into()));
        assert_eq!(of(&flows, 4003), (&found, &"drop".into()));
    }
    let csv = pcap(&["--csv", &answers]).stdout;
    assert!(csv.lines().next().unwrap().contains(",findings,breed,"), "{csv}");
    assert_eq!(csv.lines().filter(|line| line.contains(",dns-unsolicited,")).count(), 2, "{csv}");
    let report = pcap(&[&answers]).stdout;
    let row = report.split_once("\nFindings\n").expect("a table of findings").1.lines().nth(1);
    let row = row.unwrap_or_default();
    assert!(row.trim_start().starts_with("dns-unsolicited ") && row.contains(" 2 "), "{report}");
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: www.facebook.com\r\n\r\n";
const OTHER: &[u8] = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";

/// Where the request is cut.
const CUT: usize = 20;

/// What is sent between handshake and answer, and what is found in that.
struct Way {
    sent: Vec<Segment>,
    found: &'static [&'static str],
}

fn ways(to: Connection) -> Vec<Way> {
    let (request, other) = (to.data(0, REQUEST), to.data(0, OTHER));
    let at = i32::try_from(CUT).unwrap();
    let [first, rest] = [to.data(0, &REQUEST[..CUT]), to.data(at, &REQUEST[CUT..])];
    let early = (0..10).map(|piece| to.data(100 + piece * 1000, &[b'x'; 1000]));
    vec![
        Way { sent: vec![request.clone()], found: &[] },
        Way {
            sent: vec![Segment { damage: 1, ..other.clone() }, request.clone()],
            found: &["fake-segment", "bad-checksum"],
        },
        Way {
            sent: vec![Segment { ttl: 3, ..other }, request.clone()],
            found: &["fake-segment", "ttl-anomaly"],
        },
        Way { sent: vec![to.data(1_000_000, OTHER), request.clone()], found: &["out-of-window"] },
        Way {
            sent: vec![first.clone(), to.data(0, &[b'x'; CUT]), rest.clone()],
            found: &["ambiguous"],
        },
        Way { sent: vec![to.data(-4, &[b"JUNK", REQUEST].concat())], found: &["fake-segment"] },
        Way { sent: vec![rest, first], found: &["reordered-hello"] },
        Way {
            sent: [vec![to.data(0, b""); 20], vec![request.clone()]].concat(),
            found: &["budget-padding"],
        },
        Way { sent: early.chain([request]).collect(), found: &["reordered-hello", "oversize"] },
    ]
}

#[test]
fn what_gets_round_a_filter_is_found_and_its_flow_named_all_the_same() {
    if !ndpi_is_there() {
        return;
    }
    let (mut packets, mut expected) = (Vec::new(), Vec::new());
    let count = ways(Connection::new(0, 80)).len();
    for (way, port) in (40_000..).take(count).enumerate() {
        let to = Connection::new(port, 80);
        let Way { sent, found } = ways(to).swap_remove(way);
        let answer = to.answer(REQUEST.len(), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let all = to.handshake().into_iter().chain(sent).chain([answer]);
        packets.extend(all.map(|segment| segment.l3()));
        expected.push((port, found));
    }
    let packets: Vec<_> = (1..).zip(packets).collect();
    let path = file("findings", "ways.pcap", &capture(&packets));
    let flows = pcap(&["--json", &path]).flows();
    assert_eq!(flows.len(), count);
    for (port, found) in expected {
        let flow = flows.iter().find(|flow| flow["sport"] == port).unwrap();
        let listed = flow["findings"].as_array().into_iter().flatten();
        assert_eq!(listed.collect::<Vec<_>>(), found, "{flow:#}");
        assert_eq!(flow["hostname"], "www.facebook.com", "{flow:#}");
    }
    let by_the_book = pcap(&["--json", "--normalise", "off", &path]).flows();
    assert!(by_the_book.iter().all(|flow| flow.get("findings").is_none()));
    assert!(by_the_book.iter().any(|flow| flow["hostname"] != "www.facebook.com"));
}
