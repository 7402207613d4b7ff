//! Tunnels that are looked into.

use crate::packets::{capture, dns, ipv4};
use crate::program::{Run, file};
use crate::setup::{can_replay, replay};

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

/// What became of each packet, and the protocol of the flow that it counted to.
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
