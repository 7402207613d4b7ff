//! Verdicts that stand in the kernel, by packet.

use serde_json::Value;
use testkit::packets::{capture, dns, udp};
use testkit::program::{Run, file};

use crate::replay::build::{fragments, unreachable};
use crate::replay::setup::{can_replay, replay};

/// Makes the query alone decide a flow of DNS.
const QUERY_DECIDES: [&str; 2] = ["--ndpi-config", "dns,process_response=0"];

/// Replays `packets` under a policy with one rule, with `more` arguments.
fn replay_under(test: &str, rule: &str, packets: &[(u32, Vec<u8>)], more: &[&str]) -> Run {
    let text = format!("[[rule]]\nname = \"the rule\"\n{rule}\n");
    let policy = file(test, "policy.toml", text.as_bytes());
    let path = file(test, "packets.pcap", &capture(packets));
    let arguments = ["--json", "--packets", "--policy", &policy, &path];
    replay(&[&arguments[..], &QUERY_DECIDES, more].concat())
}

fn conversation(times: &[u32]) -> Vec<(u32, Vec<u8>)> {
    let back = [false, true].into_iter().cycle();
    times.iter().zip(back).map(|(&time, back)| (time, dns(1, "a.example", back))).collect()
}

/// The reason of each packet.
fn reasons(run: &Run) -> Vec<String> {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let packets = run.records("packet").into_iter();
    packets.map(|packet| packet["reason"].as_str().unwrap().to_owned()).collect()
}

fn fields(record: &Value, names: [&str; 4]) -> [Value; 4] {
    names.map(|name| record[name].clone())
}

#[test]
fn a_blocked_flow_is_dropped_after_the_packet_that_decided_it() {
    if !can_replay() {
        return;
    }
    let rule = "app = \"DNS\"\naction = \"drop\"";
    let mut packets = conversation(&[1, 2, 3]);
    packets.push((3, udp([9, 9], false, &[1; 40])));
    let run = replay_under("replay-drop", rule, &packets, &[]);
    assert_eq!(reasons(&run), ["shown", "drop", "drop", "shown"]);
    let decided = &run.records("packet")[0]["decided"];
    let wanted = ["DNS", "Network", "drop", "the rule"].map(Value::from);
    assert_eq!(fields(decided, ["app", "category", "action", "rule"]), wanted);
    let actions: Vec<_> = run.records("packet").iter().map(|it| it["action"].clone()).collect();
    assert_eq!(actions, ["pass", "drop", "drop", "pass"]);
    let flow = &run.flows()[0];
    let wanted: [Value; 4] = ["drop".into(), "the rule".into(), 1.into(), 2.into()];
    assert_eq!(fields(flow, ["action", "rule", "leaked", "dropped"]), wanted);
    assert_eq!((&flow["packets"], &run.flows()[1]["action"]), (&3.into(), &"count".into()));
    assert_eq!(run.records("capture")[0]["dropped"]["drop"], 2);
}

#[test]
fn the_first_packet_of_each_direction_of_a_rejected_flow_is_shown() {
    if !can_replay() {
        return;
    }
    let rule = "app = \"DNS\"\naction = \"reject\"";
    let run = replay_under("replay-reject", rule, &conversation(&[1, 2, 3, 4, 5]), &[]);
    assert_eq!(reasons(&run), ["shown", "reject", "reject", "reject", "reject"]);
    let shown: Vec<_> = run.records("packet").iter().map(|it| it["shown"].clone()).collect();
    assert_eq!(shown, [true, true, true, false, false]);
    let flow = &run.flows()[0];
    assert_eq!((&flow["leaked"], &flow["dropped"]), (&1.into(), &4.into()));
    assert_eq!((&flow["packets"], &flow["inspected"]), (&5.into(), &1.into()));
}

#[test]
fn a_flow_that_is_bypassed_is_counted_in_the_sums_only() {
    if !can_replay() {
        return;
    }
    let rule = "app = \"DNS\"\naction = \"bypass\"";
    let run = replay_under("replay-bypass", rule, &conversation(&[1, 2, 3]), &[]);
    assert_eq!(reasons(&run), ["shown", "bypass", "bypass"]);
    assert_eq!(run.records("capture")[0]["passed"]["bypass"], 2);
    let flow = &run.flows()[0];
    assert_eq!((&flow["packets"], &flow["leaked"]), (&1.into(), &Value::Null));
    assert_eq!(flow["last_seen"], "1970-01-01T00:00:03.000000Z");
}

#[test]
fn a_verdict_goes_when_its_flow_was_silent_for_long_by_the_times_of_the_capture() {
    if !can_replay() {
        return;
    }
    let rule = "app = \"DNS\"\naction = \"drop\"";
    // Its entry may be silent for three minutes, and UDP for five.
    let packets = conversation(&[1000, 1170, 1400, 1401, 1702]);
    let run = replay_under("replay-idle", rule, &packets, &[]);
    assert_eq!(reasons(&run), ["shown", "drop", "shown", "drop", "shown"]);
    let flows = run.flows();
    let ends = flows.iter().map(|flow| (flow["end"].clone(), flow["decided_by"].clone()));
    assert_eq!(
        ends.collect::<Vec<_>>(),
        [
            ("idle".into(), Value::Null),
            ("idle".into(), "note".into()),
            ("source-ended".into(), Value::Null)
        ]
    );
    // A time that goes back ends nothing.
    let packets = conversation(&[1000, 1001, 10, 11, 150]);
    let run = replay_under("replay-idle", rule, &packets, &[]);
    assert_eq!(reasons(&run), ["shown", "drop", "drop", "drop", "drop"]);
    let packets = conversation(&[0, 1_000_000, 2_000_000_000]);
    let run = replay_under("replay-idle", rule, &packets, &["--whole-capture"]);
    assert_eq!(reasons(&run), ["shown", "drop", "drop"]);
    assert_eq!(run.flows()[0]["dropped"], 2);
}

#[test]
fn later_fragments_follow_the_verdict() {
    if !can_replay() {
        return;
    }
    let mut packets: Vec<_> = (1..4).map(|id| (1, udp([4001, 9], false, &[id; 40]))).collect();
    packets.extend(fragments([4001, 9], 9).into_iter().map(|fragment| (2, fragment)));
    let rule = "port = 9\naction = \"drop\"";
    let run = replay_under("replay-late", rule, &packets, &["--budget", "3"]);
    assert_eq!(reasons(&run), ["shown", "shown", "shown", "drop", "drop", "drop"]);
    let sports: Vec<_> = run.records("packet").iter().map(|it| it["sport"].clone()).collect();
    assert_eq!(sports, [4001; 6]);
    assert_eq!(run.flows()[0]["dropped"], 3);
}

#[test]
fn icmp_errors_follow_the_verdict_on_what_they_quote() {
    if !can_replay() {
        return;
    }
    let query = dns(1, "a.example", false);
    // An error about nothing known is a packet of its own flow.
    let other = unreachable(&udp([9, 9], false, &[1; 40]));
    let packets = [(1, query.clone()), (2, unreachable(&query)), (3, other)];
    let rule = "app = \"DNS\"\naction = \"drop\"";
    let run = replay_under("replay-icmp", rule, &packets, &[]);
    assert_eq!(reasons(&run), ["shown", "drop", "shown"]);
    let packets = run.records("packet");
    let flow_of = |packet: &Value| fields(packet, ["proto", "src", "sport", "dport"]);
    let back: [Value; 4] = [17.into(), "198.18.0.1".into(), 53.into(), 4001.into()];
    let own: [Value; 4] = [1.into(), "198.18.0.1".into(), 0.into(), 0.into()];
    assert_eq!((flow_of(&packets[1]), flow_of(&packets[2])), (back, own));
    let flows = run.flows();
    assert_eq!((&flows[0]["packets"], &flows[0]["dropped"]), (&2.into(), &1.into()));
    assert_eq!((&flows[1]["proto"], &flows[1]["packets"]), (&1.into(), &1.into()));
}

#[test]
fn a_wrong_policy_is_told_before_anything_is_run() {
    if !can_replay() {
        return;
    }
    let run = replay_under("replay-wrong", "app = \"NoSuchApp\"\naction = \"drop\"", &[], &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert!(run.stderr.contains("NoSuchApp"), "{}", run.stderr);
}

#[test]
fn a_rate_is_that_of_the_times_in_the_capture() {
    if !can_replay() {
        return;
    }
    // A packet of 2000 bytes to each of two servers, every second.
    let packets = |seconds: &[u32]| -> Vec<_> {
        let both = |&second| [80, 81].map(|port| (second, udp([4001, port], false, &[1; 1972])));
        seconds.iter().flat_map(both).collect()
    };
    let run = |per: &str, seconds: &[u32]| {
        // One packet a second.
        let rule =
            format!("proto = \"udp\"\nlimit = \"2 kB/s\"\nburst = \"2 kB\"\nper = \"{per}\"");
        replay_under("replay-limit", &rule, &packets(seconds), &["--budget", "1"])
    };
    let actions = |run: &Run, port: u64| {
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let packets = run.records("packet").into_iter().filter(|it| it["dport"] == port);
        packets.map(|it| it["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let seconds = [1, 2, 2, 2, 3, 3, 9, 9];
    // The first packet decides, and then one a second passes.
    let each = run("flow", &seconds);
    for port in [80, 81] {
        let wanted = ["pass", "pass", "drop", "drop", "pass", "drop", "pass", "drop"];
        assert_eq!(actions(&each, port), wanted);
    }
    assert_eq!(reasons(&each)[2..], ["limit"; 14]);
    assert_eq!(
        (&each.flows()[0]["action"], &each.flows()[0]["dropped"]),
        (&"limit".into(), &4.into())
    );
    // Sharing one, the first comes first.
    let shared = run("rule", &seconds);
    let wanted = ["pass", "pass", "drop", "drop", "pass", "drop", "pass", "drop"];
    assert_eq!(actions(&shared, 80), wanted);
    let wanted = ["pass", "drop", "drop", "drop", "drop", "drop", "drop", "drop"];
    assert_eq!(actions(&shared, 81), wanted);
    // The same again and again, however long it takes.
    assert_eq!(run("rule", &seconds).stdout, shared.stdout);
}

#[test]
fn a_bucket_is_full_again_for_the_next_capture() {
    if !can_replay() {
        return;
    }
    let policy = "[[rule]]\nlimit = \"2 kB/s\"\nburst = \"2 kB\"\n";
    let policy = file("replay-full", "policy.toml", policy.as_bytes());
    let packets: Vec<_> = (0..4).map(|_| (1, udp([4001, 9], false, &[1; 1972]))).collect();
    let path = file("replay-full", "packets.pcap", &capture(&packets));
    let run = replay(&["--json", "--budget", "1", "--policy", &policy, &path, &path]);
    let dropped: Vec<_> = run.flows().iter().map(|flow| flow["dropped"].clone()).collect();
    assert_eq!(dropped, [2, 2]);
}

#[test]
fn fragments_of_no_flow_and_what_cannot_be_parsed_are_dropped_if_so_wished() {
    if !can_replay() {
        return;
    }
    let lost = fragments([4001, 9], 9).pop().unwrap();
    let packets = [(1, lost), (1, vec![0x45; 12]), (1, dns(1, "a.example", false))];
    let path = file("replay-settings", "packets.pcap", &capture(&packets));
    for (settings, wanted) in [
        ("", [("pass", "shown"), ("pass", "truncated_ip"), ("pass", "shown")]),
        (
            "fragments = \"drop\"",
            [("drop", "fragment_unknown"), ("pass", "truncated_ip"), ("pass", "shown")],
        ),
        ("unparsable = \"drop\"", [("pass", "shown"), ("drop", "truncated_ip"), ("pass", "shown")]),
    ] {
        let policy = file("replay-settings", "policy.toml", settings.as_bytes());
        let run = replay(&["--json", "--packets", "--policy", &policy, &path]);
        assert_eq!(reasons(&run), wanted.map(|(_, reason)| reason), "{settings}");
        let actions: Vec<_> = run.records("packet").iter().map(|it| it["action"].clone()).collect();
        assert_eq!(actions, wanted.map(|(action, _)| action), "{settings}");
    }
}

#[test]
fn what_stays_unknown_is_dropped_beyond_its_budget_if_so_wished() {
    if !can_replay() {
        return;
    }
    let packets: Vec<_> = (1..5).map(|at| (at, udp([4001, 999], false, &[7; 40]))).collect();
    let path = file("replay-undecided", "packets.pcap", &capture(&packets));
    for (settings, reason, dropped) in
        [("", "count", Value::Null), ("undecided = \"drop\"", "drop", 2.into())]
    {
        let policy = file("replay-undecided", "policy.toml", settings.as_bytes());
        let arguments = ["--json", "--packets", "--budget", "2", "--policy", &policy, &path];
        let run = replay(&arguments);
        assert_eq!(reasons(&run), ["shown", "shown", reason, reason]);
        assert_eq!(
            (&run.flows()[0]["app"], &run.flows()[0]["dropped"]),
            (&"Unknown".into(), &dropped)
        );
    }
}
