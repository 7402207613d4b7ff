//! Link layers as a person meets them: what is read, and what is said of the rest.

use crate::packets::{capture_of, dns};
use crate::program::{Run, file, ndpi_is_there, pcap, run};

/// A query and its answer, each behind `header`.
fn behind(header: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let packet = |answer| [header, &dns(1, "www.example.org", answer)].concat();
    vec![(1, packet(false)), (2, packet(true))]
}

/// A data frame of 802.11, whose second byte of control is `flags`, behind radiotap.
fn wifi(flags: u8) -> Vec<u8> {
    let frame = [&[0, 0, 8, 0, 0, 0, 0, 0, 0x08, flags][..], &[0; 22]].concat();
    [&frame[..], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat()
}

fn explain(capture: &str) -> Run {
    let policy = file("links", "policy.toml", b"default = \"count\"\n");
    run("policy", &["explain", &policy, "--capture", capture], &[])
}

#[test]
fn captures_of_switches_radios_and_logs_have_flows() {
    if !ndpi_is_there() {
        return;
    }
    let dsa = [&[2; 12][..], &[0xc0, 0x0a, 0, 0, 8, 0]].concat();
    let brcm = [&[2; 12][..], &[0x20, 0, 0, 1, 8, 0]].concat();
    // The length of the logged packet is that of the longer one: the IP length ends the other.
    let nflog = [2, 0, 0, 42, 8, 0, 1, 0, 8, 0, 1, 0, 255, 0, 9, 0];
    let ipoib = [&[0; 40][..], &[8, 0, 0, 0]].concat();
    for (link_type, header) in
        [(284, &dsa[..]), (281, &brcm), (239, &nflog), (127, &wifi(1)), (242, &ipoib)]
    {
        let path = file("links", "read.pcap", &capture_of(link_type, &behind(header)));
        let run = pcap(&["--json", &path]);
        let [flow] = &run.flows()[..] else { panic!("link type {link_type}: {}", run.stdout) };
        assert_eq!((&flow["hostname"], &flow["packets"]), (&"www.example.org".into(), &2.into()));
        assert_eq!(run.stderr, "");
        assert!(explain(&path).stdout.contains("www.example.org"), "link type {link_type}");
    }
}

#[test]
fn what_is_not_read_is_named_and_is_a_failure_where_it_is_all() {
    if !ndpi_is_there() {
        return;
    }
    let path = file("links", "usb.pcap", &capture_of(189, &behind(&[])));
    for run in [pcap(&["--json", &path]), pcap(&[&path]), explain(&path)] {
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        let said = run.stderr.contains("nothing could be read") && run.stderr.contains("USB_LINUX");
        assert!(said && run.stderr.contains("189"), "{}", run.stderr);
    }
    // Beside a capture that is read, all the same.
    let good = file("links", "good.pcap", &capture_of(101, &behind(&[])));
    let both = pcap(&["--json", &good, &path]);
    assert_eq!((both.code, both.records("flow").len()), (Some(1), 1));
}

#[test]
fn encrypted_frames_are_counted_and_told_of() {
    if !ndpi_is_there() {
        return;
    }
    let path = file("links", "wpa.pcap", &capture_of(127, &behind(&wifi(0x41))));
    let run = pcap(&["--json", &path]);
    assert_eq!(run.code, Some(0));
    assert_eq!(run.records("capture")[0]["skipped"]["wifi-encrypted"], 2);
    assert!(run.stderr.contains("2 of 2 packets are encrypted 802.11 frames"), "{}", run.stderr);
    let explained = explain(&path);
    assert!(explained.stderr.contains("encrypted"), "{}", explained.stderr);
}

#[test]
fn an_explanation_of_no_flow_says_why() {
    if !ndpi_is_there() {
        return;
    }
    let arp = [&[0xff; 6][..], &[2; 6], &[8, 6], &[0; 28]].concat();
    let path = file("links", "arp.pcap", &capture_of(1, &[(1, arp)]));
    let run = explain(&path);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("no flow in 1 packets: 1 not-ip"), "{}", run.stderr);
}
