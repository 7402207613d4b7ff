//! Findings on an interface: seen by whoever operates it, and by rules that ask for them.

use std::net::UdpSocket;

use rustix::process::Signal;
use serde_json::json;
use testkit::packets::dns;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::wait_until;

use crate::ready;

const POLICY: &str = "[[rule]]\nname = \"forged\"\nevasion = \"any\"\naction = \"drop\"\n";

/// Length of the headers of IPv4 and UDP.
const HEADERS: usize = 28;

#[test]
fn an_answer_that_nobody_asked_for_is_warned_of_counted_and_acted_on() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let policy = pair.sandbox.file("policy.toml", POLICY);
    let run = format!("run --iface left --policy {} --json --sweep 1", policy.display());
    let mut instance = pair.sandbox.start(&run);
    let server = pair.near(|| UdpSocket::bind((NEAR, 53)).unwrap());
    let answer = &dns(1, "www.example.org", true)[HEADERS..];
    let send = || assert!(server.send_to(answer, (FAR, 4001)).is_ok());
    send();
    let decided = instance.wait_for(|it| it["type"] == "verdict");
    assert_eq!(decided["findings"], json!(["dns-unsolicited"]), "{decided:#}");
    assert_eq!((&decided["action"], &decided["rule"]), (&"drop".into(), &"forged".into()));
    wait_until(|| {
        instance.stderr().contains("signs of getting round the filter in a flow: dns-unsolicited")
    });
    (0..3).for_each(|_| send());
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let over = instance.wait_for(|it| it["type"] == "flow");
    assert_eq!((&over["leaked"], &over["dropped"]), (&json!(1), &json!(3)), "{over:#}");
    assert_eq!(over["findings"], json!(["dns-unsolicited"]));
    let stopped = instance.wait_for(|it| it["state"] == "stopped");
    assert_eq!(stopped["findings"], json!({ "dns-unsolicited": 1 }), "{stopped:#}");
    let report = instance.stderr();
    assert!(report.contains("\nfound in flows: dns-unsolicited in 1\n"), "{report}");
}
