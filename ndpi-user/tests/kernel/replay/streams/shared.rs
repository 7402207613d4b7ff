//! The captures beside the checkout, of which the project has no copy.

use testkit::places::shared;

use super::super::setup::{can_replay, replay};

/// Those that are blocked, as the same connection sent plainly is.
const BLOCKED: [&str; 17] = [
    "00-plain",
    "08-disorder-name",
    "10-tlsrec-name",
    "20-fake-badsum",
    "21-fake-ttl",
    "23-fake-md5sig",
    "28-seqovl",
    "30-syndata",
    "34-junk-32-acks",
    "41-dot",
    "f02-ipfrag-24",
    "h04-methodeol",
    "h13-split-method",
    "h20-keepalive-second-host",
    "q04-fake-initial-ttl",
    "q12-migration",
    "r01b-half-closed-reuse-65s",
];
/// Connections of others, for which a forged packet changes nothing.
const INNOCENT: [&str; 1] = ["i03-spoofed-hello-in-handshake"];

#[test]
fn captures_of_tools_that_get_round_filters_are_blocked() {
    let Some(folder) = shared("faults/evasion").filter(|_| can_replay()) else { return };
    let path = |name: &str| folder.join(name).display().to_string();
    let policy = path("policy.toml");
    let all =
        BLOCKED.iter().map(|name| (name, true)).chain(INNOCENT.iter().map(|name| (name, false)));
    for (name, is_blocked) in all {
        let run =
            replay(&["--json", "--packets", "--policy", &policy, &path(&format!("{name}.pcap"))]);
        let packets = run.records("packet");
        let dropped = packets.iter().filter(|packet| packet["action"] == "drop").count();
        // Some are sent only to use up what nDPI looks at.
        let most = packets.len() / 2;
        assert_eq!((dropped > most, dropped == 0), (is_blocked, !is_blocked), "{name}: {dropped}");
    }
}
