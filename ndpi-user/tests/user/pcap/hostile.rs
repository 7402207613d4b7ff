//! Captures that are broken or too much, and command lines that are wrong.

use testkit::packets::{capture, dns, udp};
use testkit::program::{file, pcap, subcommand};

use crate::ndpi_is_there;
use crate::pcap::conversation;

#[test]
fn a_cut_capture_is_an_error_after_what_it_had() {
    if !ndpi_is_there() {
        return;
    }
    let whole = capture(&[(1, dns(1, "a.example", false)), (2, dns(2, "b.example", false))]);
    let path = file("cut", "cut.pcap", &whole[..whole.len() - 40]);
    let good = file("cut", "good.pcap", &whole);
    let run = pcap(&["--json", &path, &good]);
    assert_eq!(run.code, Some(1));
    let second_record = whole.len() - (whole.len() - 24) / 2;
    let place = format!("{path}: byte {second_record}: the capture ends inside a packet record");
    assert!(run.stderr.contains(&place), "{}", run.stderr);
    let names: Vec<_> =
        run.records("flow").iter().map(|flow| flow["hostname"].to_string()).collect();
    assert!(names.contains(&"\"a.example\"".into()), "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "\"b.example\"").count(), 1, "{names:?}");
    assert!(run.records("capture")[0]["error"].as_str().unwrap().contains("cut.pcap"));
}

#[test]
fn what_is_no_capture_is_told_by_name() {
    if !ndpi_is_there() {
        return;
    }
    let text = file("no-capture", "notes.txt", b"no capture at all");
    for (path, message) in [
        (text.as_str(), "not a pcap or pcapng capture"),
        ("/nowhere/at/all.pcap", "cannot open /nowhere/at/all.pcap"),
    ] {
        let run = pcap(&[path]);
        assert_eq!(run.code, Some(1));
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
}

#[test]
fn a_cause_is_printed_once_and_never_as_rust_has_it() {
    if !ndpi_is_there() {
        return;
    }
    let policy = file("causes", "policy.toml", b"");
    let zstd = ruzstd::encoding::compress_to_vec(
        &conversation()[..],
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    let cut = file("causes", "cut.pcap.zst", &zstd[..zstd.len() - 30]);
    let nowhere = "/nowhere/at/all";
    for (command, arguments) in [
        ("pcap", &[nowhere][..]),
        ("pcap", &[&cut]),
        ("pcap", &["--json", &cut]),
        ("pcap", &["--policy", nowhere, &cut]),
        ("pcap", &["--protocols", nowhere, &cut]),
        ("policy", &["explain", &policy, "--capture", nowhere]),
        ("policy", &["explain", &policy, "--capture", &cut]),
        ("policy", &["explain", &policy, "--flow", "x"]),
        ("policy", &["check", nowhere]),
        ("list", &["protocols", "--protocols", nowhere]),
        ("list", &["protocols", "--ndpi-library", nowhere]),
        ("list", &["protocols", "--malicious-ja4", "/"]),
    ] {
        let run = subcommand(command, arguments, &[]);
        assert_ne!(run.code, Some(0), "{command} {arguments:?}");
        let said = run.stderr.lines().next().unwrap_or_default();
        for cause in ["os error", "data end early", "No such file", "regular file"] {
            assert!(said.matches(cause).count() <= 1, "{command} {arguments:?}: {}", run.stderr);
        }
        for debug in [" { ", "Error(", "Some(", "\\\""] {
            assert!(!run.stderr.contains(debug), "{command} {arguments:?}: {}", run.stderr);
            assert!(!run.stdout.contains(debug), "{command} {arguments:?}: {}", run.stdout);
        }
    }
}

#[test]
fn captures_behind_one_another_are_read_and_reported() {
    if !ndpi_is_there() {
        return;
    }
    let one = conversation();
    let path = file("concatenated", "both.pcap", &[&one[..], &one].concat());
    let run = pcap(&["--json", "--whole-capture", &path]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let message = format!("{path}: another capture begins at byte {}", one.len());
    assert!(run.stderr.contains(&message), "{}", run.stderr);
    let capture = &run.records("capture")[0];
    assert_eq!(capture["packets"], 8);
    assert_eq!(capture["others"], serde_json::json!({"count": 1, "first": one.len()}));
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for arguments in [
        &[][..],
        &["--no-such-option", "x"],
        &["--json", "--csv", "x"],
        &["--threads", "0", "x"],
        &["--ndpi-config", "nothing", "x"],
    ] {
        assert_eq!(pcap(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_scan_stays_within_the_flows_allowed() {
    if !ndpi_is_there() {
        return;
    }
    let packets: Vec<_> = (1..=20_000).map(|port| (1, udp([port, 9], false, &[0; 4]))).collect();
    let path = file("scan", "scan.pcap", &capture(&packets));
    let run = pcap(&["--json", "--whole-capture", "--max-flows", "500", &path]);
    let flows = run.flows();
    assert_eq!(flows.len(), 20_000, "every flow has a record");
    let evicted = flows.iter().filter(|flow| flow["end"] == "evicted").count();
    assert_eq!(evicted, 19_500);
    assert!(run.stderr.contains("19500 flows were ended early"), "{}", run.stderr);
    assert!(run.stderr.contains("--max-flows"), "{}", run.stderr);
}

#[test]
fn damage_anywhere_does_no_harm() {
    if !ndpi_is_there() {
        return;
    }
    let whole = capture(&[(1, dns(1, "a.example", false)), (2, dns(1, "a.example", true))]);
    let damaged: Vec<String> = (0..whole.len())
        .step_by(3)
        .map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            file("damage", &format!("{at}.pcap"), &bytes)
        })
        .collect();
    let paths: Vec<&str> = damaged.iter().map(String::as_str).collect();
    let run = pcap(&[&["--json", "--join", "--tunnels"], &paths[..]].concat());
    assert!(matches!(run.code, Some(0 | 1)), "{}", run.stderr);
    assert_eq!(run.records("capture").len(), paths.len());
}

#[test]
fn nothing_that_is_printed_does_anything_to_a_terminal() {
    if !ndpi_is_there() {
        return;
    }
    let mdns = |name: &str| {
        let mut packet = dns(0, name, false);
        // From and to the port of mDNS, whose names nDPI takes as they are.
        packet[20..24].copy_from_slice(&[5353_u16.to_be_bytes(); 2].concat());
        packet[28..32].fill(0);
        packet
    };
    let name = "a\nb\x1b[31m\r\u{9b}2J\u{7f}\u{202e}.local";
    let (good, bad) = ("g\x1b]0;\nx\u{9b}.pcap", "b\x1b]0;\nx\u{9b}.pcap");
    let good = file("control", good, &capture(&[(1, mdns(name))]));
    let bad = file("control", bad, b"no capture");
    for format in [&[][..], &["--json"], &["--csv"]] {
        let run = pcap(&[format, &[&good, &bad]].concat());
        assert_eq!(run.code, Some(1));
        for text in [&run.stdout, &run.stderr] {
            let control = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!text.contains(control), "{text:?}");
        }
        assert!(run.stderr.contains(r"b\u{1b}]0;\nx\u{9b}.pcap: byte 0"), "{}", run.stderr);
        match format {
            ["--json"] => assert_eq!(run.records("flow")[0]["hostname"], "a?b?[31m??2j??.local"),
            ["--csv"] => assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout),
            _ => assert!(run.stdout.contains("MDNS")),
        }
    }
}
