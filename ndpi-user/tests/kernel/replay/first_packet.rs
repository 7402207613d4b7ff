//! Rules that a flow's first packet may decide by, through the programs in the kernel.

use serde_json::Value;
use testkit::packets::{capture, resolved};
use testkit::program::file;

use crate::replay::setup::{can_replay, replay};

const POLICY: &str = "[[rule]]\nname = \"no social networks\"\ncategory = \"SocialNetwork\"\n\
                      action = \"drop\"\nfirst_packet = true\n";

#[test]
fn the_kernel_drops_the_syn_to_a_server_that_was_decided() {
    if !can_replay() {
        return;
    }
    let packets =
        resolved(1_700_000_000, 20, "www.facebook.com", &[(1, 5000), (3, 5001), (30, 5002)]);
    let path = file("replay-first-packet", "flows.pcap", &capture(&packets));
    let policy = file("replay-first-packet", "policy.toml", POLICY.as_bytes());
    let run = replay(&["--json", "--packets", "--policy", &policy, &path]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let to_web = |record: &&Value| record["dport"] == 80;
    let fates: Vec<_> = run
        .records("packet")
        .iter()
        .filter(to_web)
        .map(|packet| ["action", "reason"].map(|field| packet[field].as_str().unwrap().to_owned()))
        .collect();
    let expected = [
        // By what nDPI says of the first packet: it has passed.
        ["pass", "shown"],
        ["drop", "drop"],
        // By the server, which stands in the kernel.
        ["drop", "server"],
        ["drop", "drop"],
        // The answer is over.
        ["pass", "shown"],
        ["pass", "shown"],
    ];
    assert_eq!(fates, expected);
    let counts: Vec<_> = run
        .flows()
        .iter()
        .filter(to_web)
        .map(|flow| ["decided_by", "leaked", "dropped"].map(|field| flow[field].clone()))
        .collect();
    let decided = |by: &str, leaked: u64, dropped: u64| -> [Value; 3] {
        [by.into(), leaked.into(), dropped.into()]
    };
    let by_content = [Value::Null, Value::Null, Value::Null];
    let expected = [decided("first-packet", 1, 1), decided("server", 0, 2), by_content];
    assert_eq!(counts, expected);
}
