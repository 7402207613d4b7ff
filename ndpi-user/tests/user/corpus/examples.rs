//! Every example policy against captures: what it says that it blocks is blocked, and what people need
//! beside it passes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use ndpi_policy::EXAMPLE;
use serde_json::Value;
use testkit::program::binary;
use testkit::{places, reference};

const README: &str = include_str!("../../../../README.md");
const PAGE: &str = include_str!("../../../../docs/policy.md");
const LAB: &str = include_str!("../../../../xtask/src/lab/policy.toml");

/// Flows of a capture by their application, and what is done to each.
type Expected = (&'static str, &'static str, &'static str);

/// What "no social networks or video" blocks.
const SOCIAL_AND_VIDEO: [Expected; 14] = [
    ("quic.pcap", "QUIC.YouTube", "drop"),
    ("youtube_quic.pcap", "QUIC.YouTube", "drop"),
    ("reddit.pcap", "TLS.YouTube", "drop"),
    ("netflix.pcap", "TLS.NetFlix", "drop"),
    ("netflix.pcap", "HTTP.NetFlix", "drop"),
    ("sites.pcapng", "TLS.AmazonVideo", "drop"),
    ("sites.pcapng", "TLS.DisneyPlus", "drop"),
    ("sites.pcapng", "TLS.Twitch", "drop"),
    ("sites.pcapng", "TLS.TikTok", "drop"),
    ("facebook.pcap", "TLS.Facebook", "drop"),
    ("quickplay.pcap", "HTTP.Facebook", "drop"),
    ("http_ipv6.pcap", "TLS.Facebook", "drop"),
    ("tls_2_reasms.pcapng", "TLS.Instagram", "drop"),
    ("reddit.pcap", "TLS.Reddit", "drop"),
];

/// Meetings, mail and the rest of the web, which pass beside it.
const THE_REST: [Expected; 17] = [
    ("zoom.pcap", "Zoom", "count"),
    ("zoom.pcap", "TLS.Zoom", "count"),
    ("zoom.pcap", "STUN.Zoom", "count"),
    ("zoom2.pcap", "Zoom", "count"),
    ("teams.pcap", "TLS.Teams", "count"),
    ("teams.pcap", "STUN.TeamsCall", "count"),
    ("google_meet.pcapng", "TLS.GoogleMeet", "count"),
    ("google_meet.pcapng", "QUIC.GoogleMeet", "count"),
    ("smtp.pcap", "SMTP", "count"),
    ("smtp-starttls.pcap", "SMTPS.Google", "count"),
    ("imap.pcap", "IMAP", "count"),
    ("pop3.pcap", "POP3", "count"),
    ("quic.pcap", "QUIC.GMail", "count"),
    ("http_ipv6.pcap", "TLS", "count"),
    ("http.pcapng", "HTTP.Google", "count"),
    ("netflix.pcap", "DNS", "count"),
    ("ssh.pcap", "SSH", "count"),
];

#[test]
fn the_first_example_of_the_readme_and_of_the_page_block_films_and_no_meetings() {
    let Some(folder) = reference::folder() else { return };
    for policy in [blocks(README)[0], blocks(PAGE)[0], LAB] {
        holds(&folder, policy, SOCIAL_AND_VIDEO.iter().chain(&THE_REST));
    }
}

#[test]
fn the_commented_example_blocks_the_same_in_office_hours() {
    let Some(folder) = reference::folder() else { return };
    let in_office_hours = without("schedule", EXAMPLE);
    let except = |(_, app, _): &&Expected| *app != "DNS";
    let rest = SOCIAL_AND_VIDEO.iter().chain(&THE_REST).filter(except);
    holds(&folder, &in_office_hours, rest);
    let others = [
        ("dns.pcap", "DNS", "drop"),
        ("rdp.pcap", "RDP", "count"),
        ("netflix.pcap", "DNS", "drop"),
    ];
    holds(&folder, &in_office_hours, others.iter());
    let said = decided(&folder, EXAMPLE, &[], "app=RDP dst=198.18.0.1:3389 vlan=20");
    assert_eq!(said, [("RDP".to_owned(), "drop".to_owned())]);
}

#[test]
fn the_allow_list_of_the_page_allows_mail_and_blocks_what_is_not_listed() {
    let Some(folder) = reference::folder() else { return };
    let expected = [
        ("netflix.pcap", "DNS", "count"),
        ("http.pcapng", "HTTP.Google", "count"),
        ("http_ipv6.pcap", "TLS", "count"),
        ("quic.pcap", "QUIC.GMail", "count"),
        ("smtp.pcap", "SMTP", "count"),
        ("smtps.pcapng", "SMTPS", "count"),
        ("smtp-starttls.pcap", "SMTPS.Google", "count"),
        ("imap.pcap", "IMAP", "count"),
        ("pop3.pcap", "POP3", "count"),
        ("bittorrent.pcap", "BitTorrent", "drop"),
        ("openvpn.pcap", "OpenVPN", "drop"),
        ("ssh.pcap", "SSH", "drop"),
        ("zoom2.pcap", "Zoom", "drop"),
        ("teams.pcap", "Unknown", "drop"),
    ];
    let list = blocks(PAGE).into_iter().find(|text| text.contains("undecided = \"drop\""));
    holds(&folder, list.expect("an allow-list"), expected.iter());
}

#[test]
fn the_groups_of_the_page_are_extended_as_it_says() {
    let Some(folder) = reference::folder() else { return };
    let blocks = blocks(PAGE);
    let policy =
        blocks.iter().find(|text| text.contains("[groups]")).expect("an example of groups");
    let expected = [
        ("modbus.pcap", "Modbus", "drop"),
        ("s7comm.pcap", "S7Comm", "drop"),
        ("zoom2.pcap", "Zoom", "count"),
        ("netflix.pcap", "TLS.NetFlix", "count"),
        ("smtp.pcap", "SMTP", "count"),
    ];
    holds(&folder, policy, expected.iter());
    for (flow, action) in [
        ("app=TLS.YouTube vlan=30", "drop"),
        ("app=RTSP vlan=30", "drop"),
        ("app=TLS.Zoom vlan=30", "count"),
        ("app=TLS.YouTube vlan=31", "count"),
        ("app=Modbus dst=198.18.0.1:502", "count"),
    ] {
        let said = decided(&folder, policy, &[], flow);
        assert_eq!(said[0].1, action, "{flow}");
    }
}

#[test]
fn a_long_name_in_a_policy_meets_what_ndpi_left_of_it_in_a_capture() {
    let Some(faults) = places::shared("faults") else { return };
    let policy =
        fs::read_to_string(faults.join("policies/long.toml")).expect("the policy of the capture");
    let said = decided(&faults, &policy, &["long-sni.pcap"], "");
    assert_eq!(said, [("TLS".to_owned(), "drop".to_owned())]);
}

/// The policies of a page.
fn blocks(page: &str) -> Vec<&str> {
    let texts = page.split("```toml\n").skip(1);
    texts.map(|text| text.split("```").next().unwrap_or_default()).collect()
}

/// A policy without one key.
fn without(key: &str, policy: &str) -> String {
    let kept = policy.lines().filter(|line| !line.starts_with(key));
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Checks what is done to all flows of some applications in the captures, of which each has one at least.
fn holds<'e>(folder: &Path, policy: &str, expected: impl Iterator<Item = &'e Expected>) {
    let expected: Vec<_> = expected.collect();
    let captures: BTreeSet<_> = expected.iter().map(|(capture, ..)| *capture).collect();
    let all = decided(folder, policy, &Vec::from_iter(captures), "");
    for (capture, app, action) in expected {
        let of_app: Vec<_> = all.iter().filter(|(name, _)| name == app).collect();
        assert!(!of_app.is_empty(), "no {app}, as in {capture}: {all:?}");
        assert!(of_app.iter().all(|(_, done)| done == action), "{app}: {of_app:?}\n{policy}");
    }
}

/// The application of each flow of captures, or of one in words, and what is done to it.
fn decided(folder: &Path, policy: &str, captures: &[&str], flow: &str) -> Vec<(String, String)> {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("policy.toml");
    fs::write(&file, policy).expect("a policy");
    let mut command = Command::new(binary());
    command.args(["policy", "explain", "--json"]).arg(&file);
    for capture in captures {
        command.arg("--capture").arg(folder.join("captures").join(capture));
    }
    if !flow.is_empty() {
        command.args(["--flow", flow]);
    }
    let output = command.output().expect("the program runs");
    let (said, wrong) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{wrong}");
    let said = String::from_utf8(said).expect("text");
    said.lines().map(|line| row(&serde_json::from_str(line).expect("JSON"))).collect()
}

fn row(said: &Value) -> (String, String) {
    let flow = said["flow"].as_str().expect("a flow");
    let app = flow.split(", ").next().unwrap_or_default();
    (app.to_owned(), said["action"].as_str().unwrap_or("none").to_owned())
}
