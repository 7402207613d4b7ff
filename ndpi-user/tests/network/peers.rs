//! `ndpi-xdp run --peer`: a bump in the wire between two hosts.

use std::io::{self, Read, Write as _};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::metrics::{self, ADDRESS};
use testkit::program::{PROGRAMS, run};
use testkit::sandbox::Sandbox;
use testkit::wait_until;
use testkit::wire::{Wire, send};

use crate::ready;

/// Packets that the network stack of the middle has been given, of both IP versions.
fn received(wire: &Wire) -> Vec<String> {
    let script = "grep '^Ip:' /proc/net/snmp | tail -1 | cut -d' ' -f4; \
                  grep -w Ip6InReceives /proc/net/snmp6";
    let counters = run(wire.middle.command("sh").args(["-c", script]));
    assert_eq!(counters.stdout.lines().count(), 2, "{counters:#?}");
    counters.stdout.lines().map(str::to_owned).collect()
}

/// The lines of the closing table with these three words at their start: hook, outcome, reason.
fn packets(instance: &Instance, words: [&str; 3]) -> u64 {
    let table = instance.stderr();
    let row = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        (columns.get(..3)? == words).then(|| columns[3].replace(',', "").parse::<u64>().unwrap())
    };
    table.lines().find_map(row).unwrap_or(0)
}

/// Fails when a packet that came in went another way than out of the other interface.
fn assert_nothing_passed(instance: &Instance) {
    let table = instance.stderr();
    assert!(table.contains("ingress  redirected"), "{table}");
    assert!(!table.contains("ingress  passed"), "{table}");
}

fn is_promiscuous(wire: &Wire, interface: &str) -> bool {
    let shown = run(wire.middle.command("ip").args(["-d", "link", "show", interface]));
    shown.stdout.contains("promiscuity 1")
}

#[test]
fn what_passes_goes_through_and_not_up() {
    if !ready(&PROGRAMS) {
        return;
    }
    for mode in ["native", "generic"] {
        let wire = Wire::new();
        if mode == "native" {
            wire.like_hardware();
        }
        let mut instance =
            wire.middle.start(&format!("run --peer in=out --mode {mode} --json --workers 1"));
        assert!(is_promiscuous(&wire, "in") && is_promiscuous(&wire, "out"));
        let before = received(&wire);
        wire.exchange();
        let (mut client, mut server) = wire.connect();
        send(&mut client, &mut server, &[7; 10_000]);
        send(&mut server, &mut client, &[9; 10_000]);
        assert_eq!(received(&wire), before, "{mode}");
        assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
        assert_nothing_passed(&instance);
        // ARP goes through as well, or the two would not have met.
        assert!(packets(&instance, ["ingress", "redirected", "not_ip"]) >= 2);
        assert!(packets(&instance, ["ingress", "redirected", "shown"]) >= 4);
        for interface in ["in", "out"] {
            assert_eq!(wire.middle.attached(interface), [""; 0]);
            assert!(!is_promiscuous(&wire, interface));
        }
        wire.middle.assert_clean();
    }
}

/// Bytes of a transfer that is long enough for the sender to have large segments made of it.
const BULK: usize = 100 << 20;

#[test]
fn bulk_goes_through_generic_wires_with_the_segments_that_its_sender_leaves_unmade() {
    if !ready(&PROGRAMS) {
        return;
    }
    // Both outer ends as they are: a sender on a veth has its segments made by whoever needs them.
    let wire = Wire::new();
    let mut instance =
        wire.middle.start("run --peer in=out --mode generic --json --workers 1 --budget 4");
    let before = received(&wire);
    let (client, server) = wire.connect();
    for (mut from, to) in [(&client, &server), (&server, &client)] {
        thread::scope(|scope| {
            scope.spawn(move || {
                let piece = vec![7; 1 << 20];
                for _ in 0..BULK / piece.len() {
                    from.write_all(&piece).unwrap();
                }
            });
            let copied = io::copy(&mut to.take(BULK as u64), &mut io::sink()).unwrap();
            assert_eq!(copied, BULK as u64);
        });
    }
    assert_eq!(received(&wire), before);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert_nothing_passed(&instance);
    let record = instance.wait_for(|record| record["state"] == "stopped");
    // Large packets went through as they were.
    let packets = record["redirected"].as_u64().unwrap();
    assert!(packets < 2 * BULK as u64 / 3000, "{record}");
    assert!(record.get("lost_frames").is_none(), "{record}");
    wire.middle.assert_clean();
}

#[test]
fn a_blocked_flow_ends_at_the_wire_and_others_go_on() {
    if !ready(&PROGRAMS) {
        return;
    }
    let wire = Wire::new();
    wire.like_hardware();
    let policy = "[[rule]]\nname = \"no web\"\napp = \"HTTP\"\naction = \"drop\"\n";
    let policy = wire.middle.file("policy.toml", &format!("default = \"bypass\"\n{policy}"));
    let command = format!("run --peer in=out --json --workers 1 --policy {}", policy.display());
    let mut instance = wire.middle.start(&command);
    let (mut client, mut server) = wire.connect();
    let request = b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test\r\n\r\n";
    send(&mut client, &mut server, request);
    // HTTP is known for certain when the server has answered.
    let answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n123456789";
    server.write_all(answer).unwrap();
    let is_ours = |record: &Value| record["type"] == "verdict" && record["proto"] == 6;
    let verdict = instance.wait_for(is_ours);
    assert_eq!((&verdict["action"], &verdict["rule"]), (&"drop".into(), &"no web".into()));
    client.write_all(b"GET /more HTTP/1.1\r\nHost: www.example.com\r\n\r\n").unwrap();
    wait_until(|| {
        let entries = wire.middle.run("verdicts --json").stdout;
        let entries = entries.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        entries.into_iter().any(|entry| entry["proto"] == 6 && entry["dropped"].as_u64() > Some(0))
    });
    // Others are none the worse.
    wire.exchange();
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    assert!(packets(&instance, ["ingress", "dropped", "drop"]) >= 1, "{}", instance.stderr());
    assert_nothing_passed(&instance);
}

#[test]
fn a_wire_that_would_lose_frames_is_not_laid() {
    if !ready(&PROGRAMS) {
        return;
    }
    let wire = Wire::new();
    let run = wire.middle.run("run --peer in=out --mode native");
    run.assert_failed(1, &["out does not send frames that XDP redirects", "gro on", "--mode"]);
    for interface in ["in", "out"] {
        assert_eq!(wire.middle.attached(interface), [""; 0]);
        assert!(!is_promiscuous(&wire, interface));
    }
    wire.middle.assert_clean();
}

#[test]
fn frames_that_the_other_interface_does_not_take_are_counted() {
    if !ready(&PROGRAMS) {
        return;
    }
    let wire = Wire::new();
    wire.like_hardware();
    wire.middle.ip("link set lo up");
    let mut instance = wire.middle.start(&format!(
        "run --peer in=out --mode native --json --workers 1 --sweep 1 --metrics {ADDRESS}"
    ));
    wire.exchange();
    wire.middle.ip("link set out down");
    wire.send(100);
    instance.wait_to_say("were not taken by the peer interface");
    metrics::wait_for(&wire.middle, "ndpi_xdp_lost_frames_total");
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let record = instance.wait_for(|record| record["state"] == "stopped");
    assert!(record["lost_frames"].as_u64() >= Some(100), "{record}");
    let said = instance.stderr();
    let told = format!("not taken by the other interface: {}", record["lost_frames"]);
    assert!(said.contains(&told), "{said}");
}

#[test]
fn pairs_that_cannot_be_are_refused() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("run --peer left").assert_failed(2, &["eth0=eth1"]);
    sandbox.run("run --peer left=left").assert_failed(2, &["left cannot be its own peer"]);
    sandbox
        .run("run --peer left=right --peer right=left")
        .assert_failed(1, &["right is in two pairs", "two ends"]);
    sandbox.run("run --peer left=rihgt").assert_failed(1, &["no interface rihgt", "right?"]);
    sandbox.ip("link property add dev left altname port0");
    sandbox.run("run --peer left=port0").assert_failed(1, &["left cannot be its own peer"]);
    sandbox.assert_clean();
}

#[test]
fn half_a_wire_drops_and_carries_again_when_its_other_end_returns() {
    if !ready(&PROGRAMS) {
        return;
    }
    for mode in ["native", "generic"] {
        let wire = Wire::new();
        wire.like_hardware();
        let mut instance =
            wire.middle.start(&format!("run --peer in=out --mode {mode} --json --workers 1"));
        wire.exchange();
        let before = received(&wire);
        wire.middle.ip("link del in");
        instance.wait_for(|record| record["state"] == "detached" && record["iface"] == "in");
        wire.send_back(50);
        assert_eq!(received(&wire), before, "{mode}: the stack was given what the wire lost");
        // Until the programs are on a new interface, the stack sees what its other end says first.
        wire.renew_client();
        instance.wait_for(|record| record["state"] == "attached" && record["iface"] == "in");
        instance.wait_to_say_times("are joined", 2);
        let before = received(&wire);
        wire.exchange();
        assert_eq!(received(&wire), before, "{mode}");
        assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
        let dropped = packets(&instance, ["ingress", "dropped", "no_peer"]);
        assert!(dropped >= 50, "{mode}: {dropped}\n{}", instance.stderr());
        assert_nothing_passed(&instance);
        wire.middle.assert_clean();
    }
}

#[test]
fn half_a_wire_whose_other_end_moved_away_drops_and_carries_again_when_it_is_back() {
    if !ready(&PROGRAMS) {
        return;
    }
    for mode in ["native", "generic"] {
        let wire = Wire::new();
        wire.like_hardware();
        let mut instance =
            wire.middle.start(&format!("run --peer in=out --mode {mode} --json --workers 1"));
        wire.exchange();
        let before = received(&wire);
        let elsewhere = wire.middle.beside();
        wire.middle.ip(&format!("link set in netns {}", elsewhere.name()));
        instance.wait_for(|record| record["state"] == "detached" && record["why"] == "moved");
        wire.send_back(50);
        assert_eq!(received(&wire), before, "{mode}: the stack was given what the wire lost");
        elsewhere.ip(&format!("link set in netns {}", wire.middle.name())).unwrap();
        wire.middle.ip("link set in up");
        instance.wait_to_say_times("are joined", 2);
        wire.exchange();
        assert_eq!(received(&wire), before, "{mode}");
        assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
        let dropped = packets(&instance, ["ingress", "dropped", "no_peer"]);
        assert!(dropped >= 50, "{mode}: {dropped}\n{}", instance.stderr());
        assert_nothing_passed(&instance);
        wire.middle.assert_clean();
    }
}

#[test]
fn generic_frames_for_an_end_that_is_down_are_dropped_and_counted() {
    if !ready(&PROGRAMS) {
        return;
    }
    let wire = Wire::new();
    let mut instance = wire.middle.start("run --peer in=out --mode generic --json --workers 1");
    wire.exchange();
    wire.middle.ip("link set out down");
    // A look at the interfaces follows at once.
    instance.wait_to_say("out is down: what comes in for it at the other end is lost");
    wire.send(50);
    wire.middle.ip("link set out up");
    instance.wait_to_say("out is up");
    wire.exchange();
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert!(packets(&instance, ["ingress", "dropped", "no_peer"]) >= 50, "{}", instance.stderr());
}
