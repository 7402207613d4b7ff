//! The kernel's action on each packet, as `--packets` reports it.

use serde_json::{Value, json};
use testkit::packets::{capture, dns, ipv4, udp};
use testkit::program::{Run, file};

use crate::replay::build::{ETHERNET, capture_of, ethernet, tcp_with, whole};
use crate::replay::setup::{can_replay, replay};

/// Makes the query alone decide a flow of DNS.
const QUERY_DECIDES: [&str; 2] = ["--ndpi-config", "dns,process_response=0"];

/// Action, reason, and whether it was shown, of each packet.
fn fates(run: &Run) -> Vec<[Value; 3]> {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let packets = run.records("packet").into_iter();
    packets.map(|packet| ["action", "reason", "shown"].map(|field| packet[field].clone())).collect()
}

fn fate(action: &str, reason: &str, shown: bool) -> [Value; 3] {
    [action.into(), reason.into(), shown.into()]
}

fn conversation() -> Vec<u8> {
    capture(&[
        (100, dns(1, "www.example.org", false)),
        (101, dns(1, "www.example.org", true)),
        (102, dns(1, "www.example.org", true)),
    ])
}

#[test]
fn each_packet_has_its_record() {
    if !can_replay() {
        return;
    }
    let path = file("replay-fates", "dns.pcap", &conversation());
    let arguments = [&["--json", "--packets", &path][..], &QUERY_DECIDES].concat();
    let run = replay(&arguments);
    let wanted = json!({
        "type": "packet", "capture": "dns.pcap", "number": 1,
        "time": "1970-01-01T00:01:40.000000Z",
        "vlan": 0, "proto": 17,
        "src": "198.18.0.2", "sport": 4001, "dst": "198.18.0.1", "dport": 53,
        "bytes": 61, "action": "pass", "reason": "shown", "shown": true,
        "decided": {"app": "DNS", "category": "Network"},
    });
    assert_eq!(run.records("packet")[0], wanted);
    let count = fate("pass", "count", false);
    assert_eq!(fates(&run), [fate("pass", "shown", true), count.clone(), count]);
    assert_eq!(run.records("packet")[1]["src"], "198.18.0.1");
}

#[test]
fn each_packet_has_its_line_and_the_sums_add_up() {
    if !can_replay() {
        return;
    }
    let path = file("replay-lines", "dns.pcap", &conversation());
    let text = replay(&[&["--packets", &path][..], &QUERY_DECIDES].concat()).stdout;
    for line in [
        "      1 1970-01-01T00:01:40.000000Z pass shown               shown \
         UDP 198.18.0.2:4001 > 198.18.0.1:53 = DNS, Network\n",
        "      2 1970-01-01T00:01:41.000000Z pass count               -     \
         UDP 198.18.0.1:53 > 198.18.0.2:4001\n",
        "3 packets, 1 flows with 183 B in 2.0 s",
        "  passed   count         2  122 B\n",
        "  passed   shown         1   61 B\n",
        "  3 packets run = 3 passed + 0 dropped\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
}

#[test]
fn packets_without_a_flow_have_a_reason() {
    if !can_replay() {
        return;
    }
    let arp = [&[2; 12][..], &[8, 6], &[0; 28]].concat();
    let short = vec![2; 10];
    let mut later = ipv4(17, false, &[0; 8]);
    later[7] = 1;
    let packets = [arp, short, ethernet(&later), ethernet(&dns(1, "a.example", false))];
    let packets = packets.map(|bytes| whole(1, bytes));
    let path = file("replay-odd", "odd.pcap", &capture_of(ETHERNET, &packets));
    let run = replay(&["--json", "--packets", &path]);
    let none = [Value::Null, Value::Null, Value::Null];
    assert_eq!(
        fates(&run),
        [
            fate("pass", "not_ip", false),
            none,
            fate("pass", "shown", true),
            fate("pass", "shown", true)
        ]
    );
    assert_eq!(run.records("packet")[1]["skipped"], "short_frame");
    let capture = &run.records("capture")[0];
    assert_eq!((&capture["packets"], &capture["run"]), (&4.into(), &3.into()));
    assert_eq!(capture["skipped"], json!({"short_frame": 1}));
    let passed = json!({"not_ip": 1, "shown": 2});
    assert_eq!((&capture["passed"], &capture["dropped"]), (&passed, &json!({})));
    let text = replay(&["--packets", &path]).stdout;
    assert!(text.contains("      2 1970-01-01T00:00:01.000000Z not run: short_frame\n"), "{text}");
    // Infrared: there is nothing to put an Ethernet header on.
    let path = file("replay-odd", "other.pcap", &capture_of(144, &packets[..1]));
    assert_eq!(replay(&["--json", &path]).records("capture")[0]["skipped"]["link_type_144"], 1);
}

#[test]
fn the_longest_packet_goes_through() {
    if !can_replay() {
        return;
    }
    let payload = vec![7; 65_535 - 28];
    let frame = ethernet(&udp([4001, 9], false, &payload));
    let long = vec![2; 70_000];
    let packets = [whole(1, frame), whole(1, long)];
    let path = file("replay-long", "long.pcap", &capture_of(ETHERNET, &packets));
    let run = replay(&["--json", "--packets", &path]);
    assert_eq!(fates(&run)[0], fate("pass", "shown", true));
    assert_eq!(run.records("packet")[0]["bytes"], 65_535);
    assert_eq!(run.records("packet")[1]["skipped"], "long_frame");
}

#[test]
fn a_budget_ends_the_showing() {
    if !can_replay() {
        return;
    }
    let packets: Vec<_> = (0..6).map(|at| (at, tcp_with(4001, 0x10, false, b""))).collect();
    let path = file("replay-budget", "acks.pcap", &capture(&packets));
    let shown = [(); 4].map(|()| fate("pass", "shown", true));
    // nDPI is told, and makes the best of what it has seen.
    let arguments = ["--json", "--packets", "--budget", "4", &path];
    let run = replay(&arguments);
    assert_eq!((&fates(&run)[..4], &fates(&run)[4]), (&shown[..], &fate("pass", "count", false)));
    // Even where it wants more than the kernel shows.
    let more = ["--ndpi-config", "packets_limit_per_flow=32"];
    let run = replay(&[&arguments[..], &more].concat());
    assert_eq!((&fates(&run)[..4], &fates(&run)[4]), (&shown[..], &fate("pass", "count", false)));
    let flow = &run.flows()[0];
    assert_eq!((&flow["packets"], &flow["inspected"]), (&6.into(), &4.into()));
    assert_eq!(flow["last_seen"], "1970-01-01T00:00:05.000000Z");
}

#[test]
fn a_snap_length_cuts_what_is_shown_and_not_what_is_counted() {
    if !can_replay() {
        return;
    }
    let name = format!("{}.example", "a".repeat(60));
    let path = file("replay-snaplen", "dns.pcap", &capture(&[(1, dns(1, &name, false))]));
    let hostname = |arguments: &[&str]| {
        let flow = &replay(&[arguments, &["--json", &path]].concat()).flows()[0];
        (flow["hostname"].as_str().unwrap().to_owned(), flow["bytes"].as_u64().unwrap())
    };
    let (whole, bytes) = hostname(&[]);
    assert_eq!(whole, name);
    let (cut, same) = hostname(&["--snap", "70"]);
    assert!(cut != name && same == bytes, "{cut}");
}
