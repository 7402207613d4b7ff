//! Rules that ask for findings, in a kernel.

use serde_json::{Value, json};
use testkit::packets::capture;
use testkit::program::file;
use testkit::tcp::{Connection, Segment};

use super::setup::{can_replay, replay};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
const ASKS: &str = "[[rule]]\nname = \"ways round\"\nevasion = \"ambiguous\"\naction = \"drop\"\n";
const EXCEPTS: &str =
    "[[rule]]\nname = \"trusted\"\nhost = \"www.example.com\"\naction = \"count\"\n";

/// A connection, its request whole or after two first halves that differ, and what comes then.
fn connection(port: u16, is_ambiguous: bool) -> Vec<Segment> {
    let to = Connection::new(port, 80);
    let request = if is_ambiguous {
        vec![to.data(0, &REQUEST[..20]), to.data(0, &[b'x'; 20]), to.data(20, &REQUEST[20..])]
    } else {
        vec![to.data(0, REQUEST)]
    };
    let body = (0..6).map(|_| to.answer(REQUEST.len(), b"HTTP/1.1 200 OK\r\n\r\n"));
    to.handshake().into_iter().chain(request).chain(body).collect()
}

/// The flows of a plain and an ambiguous connection under a policy.
fn flows(test: &str, policy: &str) -> [Value; 2] {
    let packets = [false, true].into_iter().zip(40_000..);
    let packets = packets.flat_map(|(is_ambiguous, port)| connection(port, is_ambiguous));
    let packets: Vec<_> = (1..).zip(packets.map(|it| it.l3())).collect();
    let policy = file(test, "policy.toml", policy.as_bytes());
    let path = file(test, "findings.pcap", &capture(&packets));
    let run = replay(&["--json", "--policy", &policy, &path]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let flows = run.flows();
    [40_000, 40_001].map(|port| flows.iter().find(|flow| flow["sport"] == port).unwrap().clone())
}

#[test]
fn a_flow_is_decided_with_the_packet_that_something_is_found_with() {
    if !can_replay() {
        return;
    }
    let [plain, ambiguous] = flows("finding-first", &format!("{ASKS}{EXCEPTS}"));
    assert_eq!((&plain["rule"], plain.get("findings")), (&"trusted".into(), None), "{plain:#}");
    assert_eq!(ambiguous["findings"], json!(["ambiguous"]), "{ambiguous:#}");
    let decided = ["action", "rule", "decided_by"].map(|key| &ambiguous[key]);
    assert_eq!(decided, ["drop", "ways round", "finding"]);
    // Handshake, and the two copies of the first half.
    assert_eq!((&ambiguous["inspected"], &ambiguous["leaked"]), (&json!(5), &json!(5)));
    assert_eq!(ambiguous["dropped"], 7);
}

#[test]
fn an_exception_that_comes_before_is_waited_for() {
    if !can_replay() {
        return;
    }
    let [_, ambiguous] = flows("finding-second", &format!("{EXCEPTS}{ASKS}"));
    assert_eq!(ambiguous["findings"], json!(["ambiguous"]), "{ambiguous:#}");
    assert_eq!((&ambiguous["action"], &ambiguous["rule"]), (&"count".into(), &"trusted".into()));
    assert_eq!(ambiguous.get("decided_by"), None);
    let other = EXCEPTS.replace("www.example.com", "www.example.org");
    let [plain, ambiguous] = flows("finding-third", &format!("{other}{ASKS}"));
    assert_eq!((&plain["action"], &plain["rule"]), (&"count".into(), &"default".into()));
    assert_eq!((&ambiguous["action"], &ambiguous["rule"]), (&"drop".into(), &"ways round".into()));
    assert_eq!(ambiguous.get("decided_by"), None, "nDPI had its word: {ambiguous:#}");
}
