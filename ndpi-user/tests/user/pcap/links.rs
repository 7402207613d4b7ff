//! Link layers as a person meets them: what is read, and what is said of the rest.

use testkit::packets::{capture_of, dns};
use testkit::program::{Run, file, pcap, subcommand};

use crate::ndpi_is_there;

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
    subcommand("policy", &["explain", &policy, "--capture", capture], &[])
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
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(run.records("capture")[0]["skipped"]["wifi_encrypted"], 2);
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
    assert!(run.stderr.contains("no flow in 1 packets: 1 not_ip"), "{}", run.stderr);
}

/// IPv4 in 802.3 frames: behind LLC and SNAP, in a VLAN, in a cooked header.
#[test]
fn packets_in_802_3_frames_have_flows() {
    if !ndpi_is_there() {
        return;
    }
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let length = |header: &[u8]| {
        let length = u16::try_from(header.len() + dns(1, "www.example.org", false).len()).unwrap();
        [&length.to_be_bytes()[..], header].concat()
    };
    let addresses = [2; 12];
    let in_vlan = [&addresses[..], &[0x81, 0, 0, 5], &length(&snap)].concat();
    let cooked = [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 0, 4][..], &snap].concat();
    for (link_type, header, vlan) in [
        (1, [&addresses[..], &length(&snap)].concat(), 0),
        (1, [&addresses[..], &length(&[6, 6, 3])].concat(), 0),
        (1, [&addresses[..], &[0x88, 0x70], &snap].concat(), 0),
        (1, in_vlan, 5),
        (113, cooked, 0),
    ] {
        let path = file("links", "802-3.pcap", &capture_of(link_type, &behind(&header)));
        let run = pcap(&["--json", &path]);
        let flows = run.flows();
        // The answer is longer than the length says that it is; IP has its own.
        let [flow] = &flows[..] else { panic!("{header:x?}: {}", run.stdout) };
        assert_eq!((&flow["hostname"], &flow["vlan"]), (&"www.example.org".into(), &vlan.into()));
    }
}

#[test]
fn a_capture_without_a_flow_says_what_may_have_carried_one() {
    if !ndpi_is_there() {
        return;
    }
    let ethernet =
        |ethertype: u16, rest: &[u8]| [&[2; 12][..], &ethertype.to_be_bytes(), rest].concat();
    let stp = ethernet(38, &[&[0x42, 0x42, 3][..], &[0; 35]].concat());
    for (link_type, packet, said) in [
        (1, ethernet(0x0806, &[0; 28]), None),
        (1, stp, None),
        (9, vec![0xc0, 0x21, 1, 1, 0, 4], None),
        (1, ethernet(0x88e5, &[0; 40]), Some("1 EtherType 0x88e5 (MACsec)")),
        (1, ethernet(0x0800, &[0x45, 0]), Some("1 truncated_ip")),
        (9, [&[0, 0x2d][..], &[0; 20]].concat(), Some("PPP protocol 0x002d (Van Jacobson")),
        (113, [&[0, 0, 0, 1][..], &[0; 10], &[0, 12], &[0; 4]].concat(), Some("number 0x000c")),
    ] {
        let path = file("links", "lost.pcap", &capture_of(link_type, &[(1, packet)]));
        for run in [pcap(&["--json", &path]), explain(&path)] {
            assert_eq!(run.code, Some(i32::from(said.is_some())), "{said:?}: {}", run.stderr);
            let lines = run.stderr.matches("nothing could be read").count();
            assert_eq!(lines, usize::from(said.is_some()), "{}", run.stderr);
            assert!(run.stderr.contains(said.unwrap_or_default()), "{}", run.stderr);
        }
    }
}
