//! Questions to a policy on the command line.

use testkit::packets::{capture, dns, tcp};
use testkit::program::{Run, file, pcap, subcommand};

use crate::ndpi_is_there;
use crate::pcap::SYN;

const POLICY: &str = "[[rule]]
name = \"no video at night\"
app = \"YouTube\"
schedule = { hours = \"22:00-6:00\", zone = \"UTC\" }
action = \"block\"

[[rule]]
name = \"named\"
host = [\"*\"]
action = \"reject\"
";

fn explain(arguments: &[&str]) -> Run {
    subcommand("policy", &[&["explain", "-"], arguments].concat(), POLICY.as_bytes())
}

#[test]
fn a_host_is_asked_for_as_ndpi_would_see_it() {
    if !ndpi_is_there() {
        return;
    }
    for (words, flow, rule) in [
        (
            "host=www.youtube.com time=2026-11-23T23:00:00Z",
            "TLS.YouTube, category Media",
            "no video",
        ),
        ("host=www.youtube.com time=2026-11-23T12:00:00Z", "TLS.YouTube, category Media", "named"),
        ("host=www.youtube.com port=80", "HTTP.YouTube", "named"),
        ("host=www.youtube.com proto=udp port=https", "QUIC.YouTube, category Media", "named"),
        ("host=nobody.example", "TLS, category Web", "named"),
    ] {
        let at = ["--at", "2026-11-23T12:00:00Z", "--flow", words];
        let said = explain(&at);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stdout.starts_with(&format!("flow: {flow}, ")), "{words}: {}", said.stdout);
        let matched =
            said.stdout.lines().find(|line| line.contains(": matches")).unwrap_or_default();
        assert!(matched.contains(&format!("\"{rule}")), "{words}: {}", said.stdout);
    }
    for (words, note) in [
        (
            "host=www.youtube.com port=8080",
            "note: no app is given, so this is TLS; in plain HTTP it is HTTP.YouTube",
        ),
        ("host=nobody.example port=443", "note: nDPI knows no application by this name"),
    ] {
        let said = explain(&["--flow", words]).stdout;
        assert!(said.contains(note), "{words}: {said}");
        let notes = explain(&["--json", "--flow", words]).stdout;
        assert!(notes.contains(&format!("\"notes\":[\"{}", &note[6..])), "{words}: {notes}");
    }
    for words in ["host=.youtube.com", "host=*.youtube.com", "host=https://www.youtube.com/"] {
        let said = explain(&["--flow", words]);
        assert!(
            said.code == Some(1) && said.stderr.contains("a flow has one name: write host="),
            "{}",
            said.stderr
        );
    }
    let in_http = explain(&["--flow", "host=www.youtube.com port=8080 app=HTTP"]).stdout;
    assert!(in_http.starts_with("flow: HTTP.YouTube") && !in_http.contains("note:"), "{in_http}");
    let unnamed = explain(&["--flow", "app=TLS"]).stdout;
    assert!(unnamed.contains("verdict: count (`default`: no rule matches)"), "{unnamed}");
}

#[test]
fn schedules_can_be_asked_as_of_another_time() {
    if !ndpi_is_there() {
        return;
    }
    let text = "[[rule]]\nname = \"night\"\nschedule = { hours = \"22:00-6:00\", zone = \"UTC\" }\naction = \"drop\"\n";
    let policy = file("as-of", "policy.toml", text.as_bytes());
    let flows = file(
        "as-of",
        "flows.pcap",
        &capture(&[(100, dns(1, "www.example.org", false)), (101, tcp(SYN, false))]),
    );
    let rules = |at: &[&str]| -> Vec<String> {
        let run = pcap(&[&["--json", "--policy", &policy, &flows], at].concat());
        run.flows()
            .iter()
            .map(|flow| flow["rule"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    // 1970-01-01 00:01:40 is at night, too.
    assert!(rules(&[]).iter().all(|rule| rule == "night"));
    assert!(rules(&["--at", "2026-11-23T12:00:00Z"]).iter().all(|rule| rule != "night"));
    assert!(rules(&["--at", "2026-11-23T23:00:00Z"]).iter().all(|rule| rule == "night"));
    let explained = |at: &str| {
        subcommand("policy", &["explain", &policy, "--capture", &flows, "--at", at], &[]).stdout
    };
    assert!(explained("2026-11-23T12:00:00Z").contains("the flow has Monday 12:00 in UTC"));
    assert!(explained("2026-11-23T23:00:00Z").contains("verdict: drop"));
    let wrong = pcap(&["--policy", &policy, "--at", "noon", &flows]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("2026-11-23 12:00"), "{}", wrong.stderr);
}

#[test]
fn a_policy_is_checked_from_standard_input() {
    if !ndpi_is_there() {
        return;
    }
    let check = |text: &str| subcommand("policy", &["check", "-"], text.as_bytes());
    let good = check("[[rule]]\nname = \"named\"\nhost = [\"*\"]\naction = \"reject\"\n");
    assert_eq!((good.code, good.stdout.as_str()), (Some(0), "-: no problems\n"), "{}", good.stderr);
    let bad = check("[[rule]]\napp = \"Microsoft Teams\"\naction = \"deny\"\n");
    assert_eq!(bad.code, Some(1));
    for words in
        ["standard input:2:7", "did you mean \"Teams\"?", "standard input:3:10", "write \"block\""]
    {
        assert!(bad.stdout.contains(words), "{}", bad.stdout);
    }
}
