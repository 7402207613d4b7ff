//! Findings of captures, in records and reports.

use serde_json::Value;
use testkit::packets::{capture, dns};
use testkit::program::{file, pcap};

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
    assert!(csv.lines().next().unwrap().ends_with(",findings"), "{csv}");
    assert_eq!(csv.lines().filter(|line| line.ends_with(",dns-unsolicited")).count(), 2, "{csv}");
    let report = pcap(&[&answers]).stdout;
    let row = report.split_once("\nFindings\n").expect("a table of findings").1.lines().nth(1);
    let row = row.unwrap_or_default();
    assert!(row.trim_start().starts_with("dns-unsolicited ") && row.contains(" 2 "), "{report}");
}
