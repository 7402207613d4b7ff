//! `ndpi-xdp pcap` as a person runs it, on captures built here.

mod findings;
mod first_packet;
mod hostile;
mod links;
mod many;
mod policies;
mod private;
mod questions;
mod sandbox;
mod tunnels;

use std::io::Write;

use testkit::packets::{capture, dns, ipv4, tcp, udp};
use testkit::program::{file, pcap, subcommand};

use crate::ndpi_is_there;

const SYN: u8 = 0x02;
const FIN_ACK: u8 = 0x11;
const ACK: u8 = 0x10;

/// Makes the query alone decide a flow of DNS.
const QUERY_DECIDES: [&str; 2] = ["--ndpi-config", "dns,process_response=0"];

fn conversation() -> Vec<u8> {
    let later_fragment = {
        let mut packet = ipv4(17, false, &[0; 8]);
        packet[7] = 1;
        packet
    };
    capture(&[
        (100, dns(1, "www.example.org", false)),
        (101, dns(1, "www.example.org", true)),
        (102, later_fragment),
        (103, dns(1, "www.example.org", true)),
    ])
}

#[test]
fn a_record_tells_of_the_flow_and_one_of_the_capture() {
    if !ndpi_is_there() {
        return;
    }
    let path = file("record", "dns.pcap", &conversation());
    let run = pcap(&[&["--json", &path], &QUERY_DECIDES[..]].concat());
    let flows = run.flows();
    assert_eq!(flows.len(), 1, "{flows:?}");
    let flow = &flows[0];
    for (field, value) in [
        ("capture", "dns.pcap"),
        ("src", "198.18.0.2"),
        ("dst", "198.18.0.1"),
        ("app", "DNS"),
        ("state", "CLASSIFIED"),
        ("hostname", "www.example.org"),
        ("ja4", ""),
        ("first_seen", "1970-01-01T00:01:40.000000Z"),
        ("last_seen", "1970-01-01T00:01:43.000000Z"),
    ] {
        assert_eq!(flow[field], value, "{field}");
    }
    assert_eq!((&flow["sport"], &flow["dport"]), (&4001.into(), &53.into()));
    assert_eq!((&flow["packets"], &flow["inspected"]), (&3.into(), &1.into()));
    let captures = run.records("capture");
    assert_eq!(captures[0]["packets"], 4);
    assert_eq!(captures[0]["skipped"]["later_fragment"], 1);
}

#[test]
fn standard_input_and_compressed_files_give_the_same() {
    if !ndpi_is_there() {
        return;
    }
    let plain = conversation();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = file("compressed", "dns.pcap.gz", &gzip.finish().unwrap());
    let from_stdin = subcommand("pcap", &["--json", "-"], &plain).flows();
    let from_gzip = pcap(&["--json", &gzip]).flows();
    assert_eq!(from_stdin[0]["capture"], "stdin");
    assert_eq!(from_gzip[0]["capture"], "dns.pcap.gz");
    for field in ["app", "hostname", "packets", "bytes", "first_seen"] {
        assert_eq!(from_stdin[0][field], from_gzip[0][field], "{field}");
    }
}

#[test]
fn silence_and_new_connections_end_flows_but_not_of_a_whole_capture() {
    if !ndpi_is_there() {
        return;
    }
    let silence = file(
        "ends",
        "silence.pcap",
        &capture(&[(100, dns(1, "a.example", false)), (1000, dns(1, "a.example", false))]),
    );
    let handshake =
        [(SYN, false), (SYN | ACK, true), (FIN_ACK, false), (FIN_ACK, true), (SYN, false)];
    let reuse: Vec<_> = (100..).zip(handshake.map(|(flags, back)| tcp(flags, back))).collect();
    let reuse = file("ends", "reuse.pcap", &capture(&reuse));
    let ends = |arguments: &[&str]| {
        let flows = pcap(arguments).flows();
        let ends: Vec<_> = flows.iter().map(|f| f["end"].as_str().unwrap().to_owned()).collect();
        ends
    };
    assert_eq!(ends(&["--json", &silence]), ["idle", "source-ended"]);
    assert_eq!(ends(&["--json", &reuse]), ["reused", "source-ended"]);
    for path in [&silence, &reuse] {
        assert_eq!(ends(&["--json", "--whole-capture", path]), ["source-ended"]);
    }
}

#[test]
fn joined_captures_continue_one_another() {
    if !ndpi_is_there() {
        return;
    }
    let one = file("join", "1.pcap", &capture(&[(100, dns(1, "a.example", false))]));
    let two = file("join", "2.pcap", &capture(&[(101, dns(1, "a.example", true))]));
    let apart = pcap(&["--json", &one, &two]).flows();
    let names: Vec<_> = apart.iter().map(|flow| flow["capture"].as_str().unwrap()).collect();
    assert_eq!(names, ["1.pcap", "2.pcap"]);
    let joined = pcap(&["--json", "--join", &one, &two]).flows();
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0]["capture"], "1.pcap");
    assert_eq!((&joined[0]["packets"], &joined[0]["inspected"]), (&2.into(), &2.into()));
}

#[test]
fn tunnels_are_opened_on_request_and_keep_their_outside() {
    if !ndpi_is_there() {
        return;
    }
    let mut inner = dns(1, "a.example", false);
    inner[12..20].copy_from_slice(&[198, 19, 0, 2, 198, 19, 0, 1]);
    let gre = ipv4(47, false, &[&[0, 0, 8, 0][..], &inner].concat());
    let path = file("tunnels", "gre.pcap", &capture(&[(100, gre)]));
    let closed = pcap(&["--json", &path]).flows();
    assert_eq!((&closed[0]["proto"], &closed[0]["tunnel"]), (&47.into(), &().into()));
    for threads in ["1", "2"] {
        let opened = pcap(&["--json", "--tunnels", "--threads", threads, &path]).flows();
        assert_eq!((&opened[0]["proto"], &opened[0]["src"]), (&17.into(), &"198.19.0.2".into()));
        let outside = serde_json::json!({"kind": "gre", "src": "198.18.0.2", "dst": "198.18.0.1"});
        assert_eq!(opened[0]["tunnel"], outside);
    }
    let csv = pcap(&["--csv", "--tunnels", &path]).stdout;
    assert!(csv.lines().nth(1).unwrap().contains(",gre,198.18.0.2,198.18.0.1,"), "{csv}");
}

#[test]
fn a_policy_says_what_each_flow_would_have_got() {
    if !ndpi_is_there() {
        return;
    }
    let policy = "[[rule]]\nname = \"no names\"\napp = \"DNS\"\naction = \"drop\"\n";
    let policy = file("policy", "policy.toml", policy.as_bytes());
    let path = file("policy", "dns.pcap", &conversation());
    let arguments = ["--json", "--policy", &policy, &path];
    let flow = &pcap(&[&arguments[..], &QUERY_DECIDES].concat()).flows()[0];
    assert_eq!((&flow["action"], &flow["rule"]), (&"drop".into(), &"no names".into()));
    assert_eq!((&flow["leaked"], &flow["dropped"]), (&1.into(), &2.into()));
    let text = pcap(&["--policy", &policy, &path]).stdout;
    assert!(text.contains("drop    no names      1"), "{text}");
    let wrong = file("policy", "wrong.toml", b"[[rule]]\napp = \"NoSuchApp\"\naction = \"drop\"\n");
    let run = pcap(&["--policy", &wrong, &path]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("NoSuchApp"), "{}", run.stderr);
}

#[test]
fn threads_change_nothing_but_the_time() {
    if !ndpi_is_there() {
        return;
    }
    // More than one round of the threads' common output.
    let packets: Vec<_> = (0..36_000_u16)
        .flat_map(|i| {
            let (second, client) = (u32::from(i) / 100, i % 3000);
            let name = format!("host-{client}.example");
            [(second, dns(client, &name, false)), (second, dns(client, &name, true))]
        })
        .collect();
    let path = file("threads", "many.pcap", &capture(&packets));
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    };
    let one = pcap(&["--json", "--threads", "1", &path]);
    assert_eq!(one.flows().len(), 3000);
    let three = pcap(&["--json", "--threads", "3", &path]);
    assert_eq!(sorted(&one.stdout), sorted(&three.stdout));
    assert_eq!(three.stdout, pcap(&["--json", "--threads", "3", &path]).stdout);
    let two_files = [path.as_str(), path.as_str()];
    let twice = pcap(&[&["--json", "--threads", "2"], &two_files[..]].concat());
    assert_eq!(twice.stdout, one.stdout.repeat(2));
}

#[test]
fn text_and_csv_show_the_same_flows() {
    if !ndpi_is_there() {
        return;
    }
    let path = file("formats", "dns.pcap", &conversation());
    let text = pcap(&[&path]).stdout;
    assert!(text.contains("4 packets, 1 flows with 183 B in 3.0 s"), "{text}");
    assert!(text.contains("DNS"), "{text}");
    assert!(text.contains("later_fragment        1"), "{text}");
    let csv = pcap(&["--csv", &path]).stdout;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].starts_with("dns.pcap,0,17,198.18.0.2,4001,198.18.0.1,53,3,"), "{csv}");
}

#[test]
fn settings_reach_ndpi() {
    if !ndpi_is_there() {
        return;
    }
    let path = file("settings", "udp.pcap", &capture(&[(1, udp([9, 53], false, &[1; 40]))]));
    let guessed = pcap(&["--json", &path]).flows();
    assert_eq!(guessed[0]["confidence"], "Match by port");
    let not = pcap(&["--json", "--ndpi-config", "dpi.guess_on_giveup=0", &path]).flows();
    assert_eq!(not[0]["app"], "Unknown");
    let run = pcap(&["--ndpi-config", "no.such=1", &path]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("no.such"), "{}", run.stderr);
}
