//! Policies on captures, and what the check says of them to programs and people.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::packets::{capture, dns, ipv4};
use testkit::program::{Run, binary, file, pcap, subcommand};
use testkit::tls;

use crate::ndpi_is_there;

/// A segment between port 4000 and port 80, forth or back.
fn segment(flags: u8, back: bool, [sequence, acknowledged]: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let ports: [u16; 2] = if back { [80, 4000] } else { [4000, 80] };
    let numbers = [sequence, acknowledged].map(u32::to_be_bytes).concat();
    let start = [&ports.map(u16::to_be_bytes).concat()[..], &numbers, &[0x50, flags, 0xff, 0xff]];
    ipv4(6, back, &[&start.concat()[..], &[0; 4], payload].concat())
}

/// A download over HTTP from `host` (RFC 9110), whose answer says that it is a file.
fn download(host: &str) -> Vec<u8> {
    let request = format!("GET /file HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/8\r\n\r\n");
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\
                  Content-Length: 4000\r\n\r\n\x7fELF";
    answered(request.as_bytes(), answer.as_bytes())
}

/// A connection whose client asks this, whose server answers that, and sends more.
fn answered(request: &[u8], answer: &[u8]) -> Vec<u8> {
    let asked = 1 + u32::try_from(request.len()).unwrap();
    let answered = 1 + u32::try_from(answer.len()).unwrap();
    let mut packets = vec![
        segment(0x02, false, [0, 0], b""),
        segment(0x12, true, [0, 1], b""),
        segment(0x10, false, [1, 1], b""),
        segment(0x18, false, [1, 1], request),
        segment(0x18, true, [1, asked], answer),
    ];
    for part in 0..4 {
        packets.push(segment(0x10, true, [answered + part * 1000, asked], &[0; 1000]));
        packets.push(segment(0x10, false, [asked, answered + (part + 1) * 1000], b""));
    }
    let times = (1_700_000_000..).zip(packets);
    capture(&times.collect::<Vec<_>>())
}

/// The record of a download from a social network under a policy of one rule.
fn under(test: &str, matcher: &str) -> Value {
    let policy = format!("[[rule]]\nname = \"it\"\naction = \"drop\"\n{matcher}\n");
    let policy = file(test, "policy.toml", policy.as_bytes());
    let path = file(test, "download.pcap", &download("www.facebook.com"));
    pcap(&["--json", "--policy", &policy, &path]).flows().remove(0)
}

#[test]
fn a_download_from_a_social_network_does_not_escape_a_rule_on_it() {
    if !ndpi_is_there() {
        return;
    }
    for (matcher, rule) in [
        ("category = \"SocialNetwork\"", "it"),
        ("group = \"social\"", "it"),
        ("category = \"Download\"", "it"),
        ("flow_category = \"Download\"", "it"),
        ("flow_category = \"SocialNetwork\"", "default"),
        ("category = \"Web\"", "default"),
    ] {
        let flow = under("download", matcher);
        assert_eq!(
            (&flow["app"], &flow["category"]),
            (&"HTTP.Facebook".into(), &"Download".into())
        );
        assert_eq!(flow["rule"], rule, "{matcher}: {flow}");
    }
}

/// Connections and questions of clients that ask for a name.
fn asking_for(name: &str) -> Vec<Vec<u8>> {
    let ports = ["", ":80", ":8080", ":50000"];
    let mut captures: Vec<_> =
        ports.iter().map(|port| download(&format!("{name}{port}"))).collect();
    captures.push(answered(&tls::hello(name), &tls::answer()));
    captures.push(answered(&tls::in_records(name, 50), &tls::answer()));
    captures.push(capture(&[(1, dns(1, name, false)), (2, dns(1, name, true))]));
    captures
}

#[test]
fn a_name_longer_than_ndpi_keeps_is_whole_to_rules_and_in_records() {
    if !ndpi_is_there() {
        return;
    }
    let label = "label-of-forty-one-characters-and-no-more";
    let name = format!("{label}.{label}.{label}.{label}.{label}.cdn.example.com");
    let other = format!("other{}", &name[5..]);
    let policy = format!("[[rule]]\nname = \"it\"\naction = \"drop\"\nhost = {name:?}\n");
    let policy = file("long-name", "policy.toml", policy.as_bytes());
    let run = |capture: &[u8], more: &[&str]| {
        let path = file("long-name", "flow.pcap", capture);
        pcap(&[&["--json", "--policy", &policy, &path], more].concat()).flows().remove(0)
    };
    for (asked, rule) in [(&name, "it"), (&other, "default")] {
        for capture in asking_for(asked) {
            let flow = run(&capture, &[]);
            assert_eq!(
                (&flow["hostname"], &flow["rule"]),
                (&asked[..].into(), &rule.into()),
                "{flow}"
            );
        }
        // What nDPI keeps of it.
        let flow = run(&download(asked), &["--normalise", "off"]);
        assert_eq!(flow["hostname"], asked[asked.len() - 79..], "{flow}");
        assert_eq!(flow["rule"], "it", "{flow}");
    }
}

fn check(test: &str, policy: &str, more: &[&str]) -> Run {
    let path = file(test, "policy.toml", policy.as_bytes());
    subcommand("policy", &[&["check", &path], more].concat(), &[])
}

#[test]
fn hints_leave_the_exit_status_alone_and_warnings_do_not() {
    if !ndpi_is_there() {
        return;
    }
    let hint = check("check-hint", "[[rule]]\nhost = \"facebook.com\"\naction = \"drop\"\n", &[]);
    assert_eq!(hint.code, Some(0), "{}", hint.stdout);
    assert!(hint.stdout.starts_with("hint: ") && hint.stdout.contains("1 hint"), "{}", hint.stdout);
    let never = check(
        "check-never",
        "[[rule]]\napp = \"YouTube\"\ngroup = \"meetings\"\naction = \"drop\"\n",
        &[],
    );
    assert_eq!(never.code, Some(1), "{}", never.stdout);
    assert!(never.stdout.contains("YouTube is not in meetings"), "{}", never.stdout);
}

const NO_FILMS: &str = "[[rule]]\nname = \"no films\"\ngroup = \"video\"\ncategory = \"Media\"\n\
                        not.flow_category = \"Download\"\naction = \"drop\"\n";

#[test]
fn the_check_lists_what_categories_and_groups_take() {
    if !ndpi_is_there() {
        return;
    }
    let said = check("check-lists", NO_FILMS, &["-v"]).stdout;
    assert!(
        said.contains(":3: \"no films\", `group` video: YouTube, NetFlix, AmazonVideo"),
        "{said}"
    );
    assert!(said.contains(":4: \"no films\", `category` Media: RTSP,"), "{said}");
    assert!(
        said.contains(":5: \"no films\", `not.flow_category` Download: what nDPI files"),
        "{said}"
    );
    let json: Value =
        serde_json::from_str(&check("check-lists", NO_FILMS, &["-v", "--json"]).stdout).unwrap();
    assert_eq!(json["takes"].as_array().map(Vec::len), Some(3), "{json}");
    let quiet: Value =
        serde_json::from_str(&check("check-lists", NO_FILMS, &["--json"]).stdout).unwrap();
    assert_eq!(quiet.get("takes"), None);
}

#[test]
fn a_caller_of_sudo_is_not_shown_the_groups_of_a_private_policy() {
    if !ndpi_is_there() {
        return;
    }
    let path = file("check-private", "policy.toml", NO_FILMS.as_bytes());
    fs::set_permissions(Path::new(&path), fs::Permissions::from_mode(0o600)).unwrap();
    let said = |user: &str| {
        let mut command = Command::new(binary());
        command.args(["policy", "check", "-v", &path]).env("SUDO_UID", user).env("SUDO_GID", user);
        String::from_utf8(command.output().expect("the program runs").stdout).expect("UTF-8")
    };
    assert!(said("0").contains("no films"));
    assert!(!said("4242424").contains("no films"));
}
