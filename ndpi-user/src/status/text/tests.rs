use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::left::{Left, Undecided};
use super::*;
use crate::snapshot::testing::eth0;
use crate::snapshot::{Counted, Hints, LossSpan, RingLoss, SinkState, Sums};

fn at(second: u64) -> Time {
    Time::from_ns(second * 1_000_000_000)
}

fn counted(outcome: &'static str, packets: u64) -> Counted {
    let (hook, reason) = ("ingress".into(), "shown".into());
    Counted { hook, outcome: outcome.into(), reason, packets, bytes: packets * 1000 }
}

fn snapshot() -> Snapshot {
    Snapshot {
        time: at(10_000),
        version: "0.1.0".into(),
        ndpi: "5.0.0".into(),
        pid: 47,
        since: at(100),
        attached: vec![eth0(at(9_990))],
        policy: PolicyState {
            file: Some("/etc/policy.toml".into()),
            revision: 3,
            rules: 12,
            since: at(9_940),
            taken: 2,
            refused: 1,
            last_reload: Some(LastReload { time: at(9_940), taken: true, problem: None }),
            origin: None,
        },
        rates: Some(Rates {
            over_ms: 10_000,
            packets: 12_345,
            bits: 98_760_000,
            dropped: 12,
            shown: 1234,
            ring_full: 0,
            ring_contended: 0,
        }),
        packets: vec![counted("passed", 1_000_000), counted("dropped", 4096)],
        memory: MemoryState {
            session: 77_500 << 10,
            ndpi: 31 << 20,
            flows: 1200 << 10,
            limit: Some(256 << 20),
            shed: BTreeMap::new(),
        },
        tables: vec![Fill { table: "flows".into(), used: 2621, places: 262_144 }],
        decided: BTreeMap::from([("content".into(), 1200), ("first-packet".into(), 34)]),
        hints: Hints { asked: 1000, given: 250 },
        ..Snapshot::default()
    }
}

fn found(state: State, snapshot: Option<Snapshot>) -> Found {
    Found { pins: PathBuf::from("/sys/fs/bpf/ndpi-xdp"), state, snapshot }
}

#[test]
fn flows_of_an_earlier_instance_are_counted() {
    let adopted = Snapshot { adopted: 1234, ..snapshot() };
    let text = text_within(&found(State::Running, Some(adopted)), None);
    assert!(text.contains("of 1,000; 1,234 of an earlier instance\n"), "{text}");
}

#[test]
fn an_instance_that_is_well_has_about_ten_lines() {
    let found = found(State::Running, Some(snapshot()));
    let expected = "\
ndpi-xdp 0.1.0 (nDPI 5.0.0, pid 47) for 2 h 45 min: all is enforced
attached  eth0: XDP (native), TC at egress (tcx), for 10.0 s
policy    /etc/policy.toml: revision 3, 12 rules, in force for 1 min 0 s
          last reload 1 min 0 s ago: taken (2 taken, 1 refused)
now       12,345 packets/s, 98.8 Mbit/s; 12 dropped/s, 1,234 shown to nDPI/s
packets   1,004,096 seen (957.6 MiB), 4,096 dropped
flows     1,234 decided (34 by first-packet); a hint at the first packet of 250 of 1,000
tables    flows 2,621 (0 %)
memory    106.7 MiB of 256.0 MiB at most (31.0 MiB nDPI's processes), 1.2 MiB for flows
losses    none
";
    assert_eq!(text_within(&found, None), expected);
    assert!(text_within(&found, Some(80)).lines().all(|line| line.len() <= 80));
    assert!(found.is_whole());
}

#[test]
fn counts_that_were_reset_are_those_since_then() {
    let before = Sums { since: at(9_400), ..Sums::of(&snapshot()) };
    let mut later = snapshot();
    later.packets[0].packets += 7;
    later.packets[0].bytes += 700;
    later.decided.insert("content".into(), 1202);
    later.since_reset = Some(Box::new(Sums::of(&later).since(&before)));
    let text = text_within(&found(State::Running, Some(later)), None);
    let expected = "\
counts    of the last 10 min 0 s, since reset-counters:
packets   7 seen (700 B), 0 dropped
flows     2 decided
tables    flows 2,621 (0 %)
memory    106.7 MiB of 256.0 MiB at most (31.0 MiB nDPI's processes), 1.2 MiB for flows
losses    none
";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn what_is_wrong_comes_first() {
    let mut snapshot = snapshot();
    snapshot.problems = vec![
        Problem {
            what: "egress-blind".into(),
            breaks: true,
            since: Some(at(9_000)),
            text: "nothing was seen".into(),
        },
        Problem { what: "records-lost".into(), breaks: false, since: None, text: "7".into() },
    ];
    let loss = |ring, packets| RingLoss { ring, worker: ring, kind: "common".into(), packets };
    snapshot.losses.ring_full = vec![loss(0, 3), loss(2, 4)];
    let span = LossSpan { first: at(9_940), last: at(9_997) };
    snapshot.losses.when.insert("ring_full".into(), span);
    snapshot.sinks = vec![SinkState {
        sink: "records".into(),
        waiting: 0,
        lost: 7,
        closed: false,
        failure: None,
    }];
    let found = found(State::Running, Some(snapshot));
    let text = text_within(&found, None);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].ends_with("NOT ALL IS ENFORCED"), "{text}");
    assert_eq!(lines[1], "problem   egress-blind, for 16 min 40 s: nothing was seen");
    assert_eq!(lines[2], "          note: records-lost: 7");
    let losses = "losses    7 not shown, as rings were full (first 1 min 0 s ago, last 3.0 s ago), \
                  7 records and messages";
    assert_eq!(lines.last(), Some(&losses));
    assert!(!found.is_whole());
}

#[test]
fn without_an_instance_it_says_what_to_do() {
    let said = |state, snapshot| {
        let found = found(state, snapshot);
        assert!(!found.is_whole());
        text_within(&found, None)
    };
    let absent = said(State::Absent, None);
    assert!(absent.contains("start one with: ndpi-xdp run"), "{absent}");
    let dead = said(State::Dead(Left::default()), Some(snapshot()));
    assert!(dead.contains("(pid 47) is gone") && dead.contains("ndpi-xdp detach"), "{dead}");
    assert!(!dead.contains("attached  ") && dead.contains("\npackets   "), "{dead}");
    let left = Left {
        since: Some(at(1)),
        interfaces: vec!["eth0".into(), "eth1".into()],
        ..Left::default()
    };
    let standing = said(State::Dead(left), Some(snapshot()));
    for words in
        ["not running, for ", "are on eth0, eth1 (pid 47)", "is enforced there all the same"]
    {
        assert!(standing.contains(words), "{standing}");
    }
    let left =
        Left { since: None, interfaces: vec!["eth0".into()], dry_run: true, ..Left::default() };
    let dry = said(State::Dead(left), Some(snapshot()));
    assert!(dry.contains("Nothing is dropped there") && !dry.contains("is enforced"), "{dry}");
    let closed = Undecided::Dropped { in_seconds: 0 };
    let left = Left { interfaces: vec!["eth0".into()], undecided: closed, ..Left::default() };
    let dropping = said(State::Dead(left), Some(snapshot()));
    assert!(dropping.contains("and they are dropped."), "{dropping}");
    let elsewhere =
        Found { pins: "/run/x/pins".into(), ..found(State::Dead(Left::default()), None) };
    let elsewhere = text_within(&elsewhere, None);
    assert!(elsewhere.contains("ndpi-xdp detach --pin-dir /run/x/pins"), "{elsewhere}");
    let starting = said(State::StartingOrEnding, None);
    assert!(starting.contains("is starting or ending"), "{starting}");
    let silent = said(State::Silent("its process 47 is stopped".into()), Some(snapshot()));
    assert!(silent.contains("its process 47 is stopped"), "{silent}");
}

#[test]
fn a_refused_policy_is_shown_with_its_problem() {
    let mut snapshot = snapshot();
    let problem = Some("no such app".into());
    snapshot.policy.last_reload = Some(LastReload { time: at(9_999), taken: false, problem });
    let text = text_within(&found(State::Running, Some(snapshot)), None);
    let line = "          last reload 1.0 s ago: NOT taken: no such app (2 taken, 1 refused)";
    assert!(text.lines().any(|it| it == line), "{text}");
}
