//! A policy that lets through what it names, and nothing else.

use std::net::UdpSocket;

use rustix::process::Signal;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;

use crate::ready;

const POLICY: &str = "default = \"drop\"
undecided = \"drop\"

[[rule]]
name = \"only DNS\"
app = \"DNS\"
action = \"count\"
";

/// Packets of a flow that are shown at most, by default.
const BUDGET: u64 = 32;

/// A query for the address of `a.example` (RFC 1035, section 4.1).
const QUERY: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01";

/// How many of `count` datagrams from the far end arrive at the near one.
fn arriving(pair: &Pair, port: u16, content: &[u8], count: u64) -> u64 {
    let receiver = pair.near(|| UdpSocket::bind((NEAR, port)).unwrap());
    receiver.set_nonblocking(true).unwrap();
    let sender = pair.far(|| UdpSocket::bind((FAR, 40_000 + port)).unwrap());
    (0..count).map(|_| sender.send_to(content, (NEAR, port)).unwrap()).for_each(drop);
    // On veth, what is not dropped has arrived by the time it is sent.
    std::iter::from_fn(|| receiver.recv(&mut [0; 64]).ok()).count() as u64
}

#[test]
fn what_ndpi_does_not_know_ends_with_its_budget() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let policy = pair.sandbox.file("policy.toml", POLICY);
    let arguments = format!("run --iface left --json --workers 1 --policy {}", policy.display());
    let mut instance = pair.sandbox.start(&arguments);

    let decided = |port| instance.wait_for(|it| it["type"] == "verdict" && it["dport"] == port);
    assert_eq!(arriving(&pair, 53, QUERY, BUDGET), BUDGET);
    decided(53);
    let sent = 3 * BUDGET;
    assert_eq!(arriving(&pair, 53, QUERY, sent), sent, "DNS is on the list");
    let arrived = arriving(&pair, 5000, &[0xa5; 40], sent);
    assert!((1..=BUDGET).contains(&arrived), "{arrived} of {sent} arrived");
    decided(5000);
    assert_eq!(arriving(&pair, 5000, &[0xa5; 40], sent), 0, "it is decided");

    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let flow = |port| instance.wait_for(|it| it["type"] == "flow" && it["dport"] == port);
    let dns = flow(53);
    assert_eq!(
        (&dns["app"], &dns["action"], &dns["packets"]),
        (&"DNS".into(), &"count".into(), &(sent + BUDGET).into())
    );
    let unknown = flow(5000);
    assert_eq!((&unknown["app"], &unknown["rule"]), (&"Unknown".into(), &"undecided".into()));
    assert_eq!((&unknown["leaked"], &unknown["packets"]), (&arrived.into(), &(2 * sent).into()));
    assert_eq!(unknown["dropped"], 2 * sent - arrived);
    let leaked = format!("leaked before their verdicts stood: {arrived} packets");
    assert!(instance.stderr().contains(&leaked), "{}", instance.stderr());
}
