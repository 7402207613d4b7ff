//! Packets that nobody would send, and captures that nobody has written so.

use serde_json::Value;
use testkit::packets::{capture, dns, ipv4, udp};
use testkit::program::{Run, file, subcommand};

use crate::replay::build::{
    ETHERNET, capture_of, ethernet, fragments, tcp_with, unreachable, whole,
};
use crate::replay::setup::{can_replay, replay};

/// Fails where the kernel and user space were of two minds, or the kernel did not take a frame: that
/// ends a replay. A capture that cannot be read does not.
fn assert_went_on(run: &Run, captures: usize) {
    assert!(matches!(run.code, Some(0 | 1)), "{}", run.stderr);
    assert!(!run.stderr.contains("replaying packet"), "{}", run.stderr);
    assert_eq!(run.records("capture").len(), captures, "{}", run.stderr);
}

#[test]
fn damage_anywhere_ends_no_replay() {
    if !can_replay() {
        return;
    }
    let whole = capture(&[
        (1, dns(1, "a.example", false)),
        (2, dns(1, "a.example", true)),
        (3, unreachable(&dns(1, "a.example", false))),
    ]);
    let damaged: Vec<String> = (0..whole.len())
        .step_by(5)
        .map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            file("replay-damage", &format!("{at}.pcap"), &bytes)
        })
        .collect();
    let paths: Vec<&str> = damaged.iter().map(String::as_str).collect();
    assert_went_on(&replay(&[&["--json"], &paths[..]].concat()), paths.len());
}

#[test]
fn a_scan_stays_within_the_flows_allowed() {
    if !can_replay() {
        return;
    }
    let packets: Vec<_> = (1..=3000).map(|port| (1, udp([port, 9], false, &[0; 4]))).collect();
    let path = file("replay-scan", "scan.pcap", &capture(&packets));
    let few = |arguments: &[&str]| {
        let few = ["--json", "--whole-capture", "--max-flows", "100", "--budget", "1"];
        subcommand("replay", &[&few, arguments, &[path.as_str()]].concat(), &[])
    };
    let counted = few(&[]);
    let flows = counted.flows();
    assert_eq!(flows.len(), 3000, "every flow has a record");
    assert_eq!(flows.iter().filter(|flow| flow["end"] == "evicted").count(), 2900);
    assert!(counted.stderr.contains("2900 flows were ended early"), "{}", counted.stderr);
}

#[test]
fn a_blocked_flow_that_made_room_is_blocked_again_by_its_next_packet() {
    if !can_replay() {
        return;
    }
    let mut packets: Vec<_> = (1..=300).map(|port| (1, udp([port, 9], false, &[0; 4]))).collect();
    // Of the last hundred there are verdicts, of the hundred before notes, of the others nothing.
    packets.extend([250, 150, 150, 50].map(|port| (2, udp([port, 9], false, &[0; 4]))));
    let path = file("replay-notes", "scan.pcap", &capture(&packets));
    let policy = file("replay-notes", "policy.toml", b"[[rule]]\nport = 9\naction = \"drop\"\n");
    for whole in [&["--whole-capture"][..], &[]] {
        let few =
            ["--json", "--packets", "--max-flows", "100", "--budget", "1", "--policy", &policy];
        let run = subcommand("replay", &[&few, whole, &[&path]].concat(), &[]);
        let reasons: Vec<_> = run.records("packet").iter().map(|it| it["reason"].clone()).collect();
        assert_eq!(reasons[300..], ["drop", "shown", "drop", "shown"]);
        let of = |port| run.flows().into_iter().filter(move |flow| flow["sport"] == port);
        let by: Vec<_> =
            of(150).map(|flow| (flow["decided_by"].clone(), flow["end"].clone())).collect();
        assert_eq!(by, [(Value::Null, "evicted".into()), ("note".into(), "source-ended".into())]);
        assert!(of(50).all(|flow| flow["decided_by"] == Value::Null));
    }
}

#[test]
fn the_kernel_and_user_space_agree_about_any_frame() {
    if !can_replay() {
        return;
    }
    let path = file("replay-any", "frames.pcap", &capture_of(ETHERNET, &frames()));
    let policy =
        file("replay-any", "policy.toml", b"[[rule]]\nproto = \"udp\"\naction = \"reject\"\n");
    for view in [&["--json"][..], &["--json", "--tunnels"], &["--json", "--snap", "64"]] {
        let run =
            replay(&[view, &["--packets", "--budget", "2", "--policy", &policy, &path]].concat());
        assert_went_on(&run, 1);
        let capture = &run.records("capture")[0];
        let counted = |outcome: &str, at_least: usize| {
            let reasons = capture[outcome].as_object().unwrap();
            assert!(reasons.len() >= at_least, "{outcome}: {reasons:?}");
            reasons.values().map(|packets| packets.as_u64().unwrap()).sum::<u64>()
        };
        assert_eq!(counted("passed", 10) + counted("dropped", 1), capture["run"].as_u64().unwrap());
    }
}

/// Frames that are nearly right: some bytes of each are something else.
fn frames() -> Vec<crate::replay::build::Packet> {
    let inside = dns(3, "c.example", false);
    let gre = ipv4(47, false, &[&[0, 0, 8, 0][..], &inside].concat());
    let vxlan =
        udp([9, 4789], false, &[&[8, 0, 0, 0, 0, 0, 1, 0][..], &ethernet(&inside)].concat());
    let gtp = udp([9, 2152], false, &[&[0x30, 0xff, 0, 40, 0, 0, 0, 1][..], &inside].concat());
    let tagged = [&[2; 12][..], &[0x81, 0, 0, 5, 8, 0], &inside].concat();
    let mut seeds: Vec<Vec<u8>> =
        [inside.clone(), gre, vxlan, gtp, tcp_with(5001, 2, false, b"x"), unreachable(&inside)]
            .iter()
            .chain(&fragments([4003, 53], 7))
            .map(|packet| ethernet(packet))
            .collect();
    seeds.push(tagged);
    let mut random = 1_u64;
    let mut next = move || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 40).unwrap()
    };
    (0..20_000)
        .map(|second| {
            let mut frame = seeds[next() % seeds.len()].clone();
            for _ in 0..next() % 4 {
                let at = 12 + next() % (frame.len() - 12);
                frame[at] = next().to_le_bytes()[0];
            }
            if next() % 8 == 0 {
                frame.truncate(14 + next() % (frame.len() - 13));
            }
            whole(second / 100, frame)
        })
        .collect()
}
