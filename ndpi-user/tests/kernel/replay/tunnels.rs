//! Tunnels that are looked into.

use serde_json::json;
use testkit::packets::{capture, dns, ipv4, udp};
use testkit::program::{Run, file, pcap};

use crate::replay::setup::{can_replay, replay};

/// Makes the query alone decide a flow of DNS.
const QUERY_DECIDES: [&str; 2] = ["--ndpi-config", "dns,process_response=0"];

/// `inner` in GRE between other hosts.
fn gre(inner: &[u8]) -> Vec<u8> {
    let mut packet = ipv4(47, false, &[&[0, 0, 8, 0][..], inner].concat());
    packet[12..20].copy_from_slice(&[198, 19, 0, 1, 198, 19, 9, 2]);
    packet
}

fn replay_under(test: &str, rule: &str, packets: &[Vec<u8>], more: &[&str]) -> Run {
    let text = format!("[[rule]]\nname = \"the rule\"\naction = \"drop\"\n{rule}\n");
    let policy = file(test, "policy.toml", text.as_bytes());
    let times: Vec<_> = (1..).zip(packets.iter().cloned()).collect();
    let path = file(test, "packets.pcap", &capture(&times));
    let arguments = ["--json", "--packets", "--tunnels", "--policy", &policy, &path];
    replay(&[&arguments[..], &QUERY_DECIDES, more].concat())
}

/// The outcome of each packet, and the protocol of the flow that it counted to.
fn fates(run: &Run) -> Vec<(String, u64)> {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let fate = |it: &serde_json::Value| {
        (it["action"].as_str().unwrap().to_owned(), it["proto"].as_u64().unwrap())
    };
    run.records("packet").iter().map(fate).collect()
}

fn fate(action: &str, proto: u64) -> (String, u64) {
    (action.to_owned(), proto)
}

#[test]
fn a_rule_on_the_ends_of_a_tunnel_holds_for_what_is_inside() {
    if !can_replay() {
        return;
    }
    let query = dns(1, "a.example", false);
    let packets = [gre(&query), gre(&query), gre(&dns(2, "b.example", false)), query];
    let rule = "dst = [\"198.19.9.0/24\"]";
    let run = replay_under("replay-tunnel-ends", rule, &packets, &[]);
    // The first packet has the tunnel decided; the last is outside, and none of the rule's business.
    let wanted = [fate("pass", 17), fate("drop", 47), fate("drop", 47), fate("pass", 17)];
    assert_eq!(fates(&run), wanted);
    let tunnel = run.flows().into_iter().find(|flow| flow["proto"] == 47).unwrap();
    assert_eq!((&tunnel["leaked"], &tunnel["dropped"]), (&1.into(), &2.into()));
}

#[test]
fn what_is_inside_a_tunnel_blocks_nothing_outside() {
    if !can_replay() {
        return;
    }
    let query = dns(1, "a.example", false);
    let packets = [gre(&query), gre(&query), query.clone(), gre(&query)];
    let run = replay_under("replay-tunnel-forged", "host = [\"a.example\"]", &packets, &[]);
    let wanted = [fate("pass", 17), fate("drop", 17), fate("pass", 17), fate("drop", 17)];
    assert_eq!(fates(&run), wanted);
    // The three flows: the tunnel, what is inside, and what is outside.
    assert_eq!(run.flows().len(), 3);
}

/// `inner` in VXLAN between other hosts, as a packet of this network.
fn vxlan(vni: u8, inner: &[u8]) -> Vec<u8> {
    let header = [&[8, 0, 0, 0, 0, 0, vni, 0][..], &[2; 12], &[8, 0], inner].concat();
    let mut packet = udp([50_000, 4789], false, &header);
    packet[12..20].copy_from_slice(&[198, 19, 0, 1, 198, 19, 9, 2]);
    packet
}

#[test]
fn the_same_flow_in_two_networks_has_two_verdicts_and_two_records() {
    if !can_replay() {
        return;
    }
    let [blocked, other] = ["a.example", "b.example"].map(|name| dns(1, name, false));
    let packets =
        [(7, &blocked), (8, &other), (7, &blocked), (8, &other), (8, &blocked), (7, &other)]
            .map(|(vni, inner)| vxlan(vni, inner));
    let run = replay_under("replay-two-tenants", "host = [\"a.example\"]", &packets, &[]);
    let wanted = ["pass", "pass", "drop", "pass", "pass", "drop"].map(|action| fate(action, 17));
    assert_eq!(fates(&run), wanted);
    let mut inside = run.flows();
    inside.retain(|flow| flow["dport"] == 53);
    inside.sort_by_key(|flow| flow["tunnel"]["tenant"].as_u64());
    let said: Vec<_> = inside
        .iter()
        .map(|flow| json!([flow["tunnel"]["tenant"], flow["packets"], flow["action"]]))
        .collect();
    assert_eq!(json!(said), json!([[7, 3, "drop"], [8, 3, "count"]]));
    assert!(inside.iter().all(|flow| flow["tunnel"]["src"] == "198.19.0.1"), "{inside:#?}");
}

#[test]
fn only_tunnels_between_the_given_ends_are_opened() {
    if !can_replay() {
        return;
    }
    let query = dns(1, "a.example", false);
    // The same in IPv6: between 2001:db8::1 and 2001:db8::2.
    let payload = [&[0, 0, 8, 0][..], &query].concat();
    let mut v6 =
        [&[0x60, 0, 0, 0, 0][..], &[u8::try_from(payload.len()).unwrap(), 47, 64]].concat();
    for last in [1, 2] {
        v6.extend([0x20, 1, 0x0d, 0xb8]);
        v6.extend([0; 11]);
        v6.push(last);
    }
    v6.extend(payload);
    let path = file("replay-given-ends", "packets.pcap", &capture(&[(1, gre(&query)), (2, v6)]));
    for (ends, opened) in [
        (&["198.19.0.1", "198.19.9.0/24"][..], [true, false]),
        (&["198.19.0.0/24"], [false, false]),
        (&["198.18.0.0/15", "2001:db8::1"], [true, false]),
        (&["2001:db8::/126"], [false, true]),
    ] {
        let ends = ends.iter().flat_map(|net| ["--tunnel-ends", net]);
        let arguments: Vec<_> =
            ["--json", "--packets", "--tunnels"].into_iter().chain(ends).chain([&*path]).collect();
        let wanted = opened.map(|opened| fate("pass", if opened { 17 } else { 47 }));
        assert_eq!(fates(&replay(&arguments)), wanted, "{arguments:?}");
        let arguments: Vec<_> = arguments.into_iter().filter(|it| *it != "--packets").collect();
        let flows = pcap(&arguments).flows();
        let inside = flows.iter().filter(|flow| flow["proto"] == 17);
        let packets: u64 = inside.map(|flow| flow["packets"].as_u64().unwrap()).sum();
        assert_eq!(packets, opened.map(u64::from).iter().sum::<u64>(), "{arguments:?}");
    }
    let run = replay(&["--tunnel-ends", "198.18.0.0/15", &path]);
    assert!(run.code == Some(2) && run.stderr.contains("--tunnels"), "{}", run.stderr);
}

#[test]
fn a_tunnel_that_the_programs_do_not_open_is_told_of() {
    if !can_replay() {
        return;
    }
    let frame = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &[2; 12], &[8, 0], &dns(1, "a.example", false)];
    let other_port = udp([50_000, 8472], false, &frame.concat());
    let path = file("replay-unopened", "vxlan.pcap", &capture(&[(1, other_port)]));
    let run = replay(&["--json", "--tunnels", &path]);
    assert_eq!(run.flows()[0]["dport"], 8472);
    let said = run.stderr.contains("1 of 1 packets came through a tunnel (vxlan)");
    assert!(said, "{}", run.stderr);
    assert!(!replay(&["--json", &path]).stderr.contains("tunnel"));
}
