//! The fuzzer's corpus of messages between processes, replayed: seeds, and whatever once went wrong.

use ndpi_events::Released;
use ndpi_user::control::{Answer, Command, Reply, Request};
use ndpi_user::snapshot::{Fill, Rates, SinkState, Snapshot};
use testkit::seed;

#[path = "../../../../fuzz/cases/control.rs"]
mod case;

#[test]
fn the_corpus_of_messages_holds() {
    seed::replay("control", case::run);
}

/// A message as the case reads it.
fn said(who: u8, bytes: &[u8]) -> Vec<u8> {
    [&[who], bytes].concat()
}

/// Datagrams of a follower as the case reads them.
fn follower(datagrams: &[&[u8]]) -> Vec<u8> {
    let each = datagrams.iter().map(|datagram| {
        let length = u16::try_from(datagram.len()).unwrap().to_be_bytes();
        [&length[..], datagram].concat()
    });
    said(b'f', &each.collect::<Vec<_>>().concat())
}

/// What the fuzzer of messages begins with: one of each kind.
#[test]
fn the_seeds_of_messages_are_in_the_repository() {
    let host = Command::Release { what: Released::Host("a.example".into()), seconds: 60 };
    for (name, request) in [
        ("request-status", Request::new(Command::Status)),
        ("request-release", Request::new(host)),
        ("request-end-release", Request::new(Command::EndRelease(3))),
        ("request-of-another-version", Request { protocol: 2, command: Command::Hosts }),
    ] {
        seed::hold("control", name, &said(b'q', &serde_json::to_vec(&request).unwrap()));
    }
    let snapshot = Snapshot {
        version: "0.1".into(),
        tables: vec![Fill::new("flows", 3, 9)],
        rates: Some(Rates { over_ms: 1000, packets: 5, ..Rates::default() }),
        sinks: vec![SinkState { sink: "records".into(), lost: 1, ..SinkState::default() }],
        ..Snapshot::default()
    };
    for (name, answer) in [
        ("reply-status", Answer::Status(Box::new(snapshot))),
        ("reply-lines", Answer::Lines {}),
        ("reply-refused", Answer::Refused("not now".into())),
    ] {
        let reply = serde_json::to_vec(&Reply::new(answer)).unwrap();
        seed::hold("control", name, &said(b'r', &reply));
    }
    let number = 7_u64.to_le_bytes();
    for (name, datagram) in [
        ("courier-ready", b"R".to_vec()),
        ("courier-stored", [&b"S"[..], &number, &number].concat()),
        ("courier-refused", [&b"X"[..], &number, b"too long"].concat()),
        ("courier-failed", b"Fnobody listens".to_vec()),
    ] {
        seed::hold("control", name, &said(b'c', &datagram));
    }
    for (name, request) in [
        ("metrics-get", "GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("metrics-half", "HEAD /readyz HTTP/1.1\r\nHost"),
        ("metrics-other", "POST /metrics HTTP/1.0\r\nContent-Length: 1\r\n\r\na"),
    ] {
        seed::hold("control", name, &said(b'm', request.as_bytes()));
    }
    let policy = br#"{"policy":{"key":"site.n","revision":7,"length":5}}"#;
    for (name, datagrams) in [
        ("follower-policy", follower(&[br#""connected""#, policy, b"\0abc", b"\0de"])),
        ("follower-too-much", follower(&[policy, b"\0abcdef"])),
        ("follower-half", follower(&[policy, b"\0abc", br#"{"failed":"gone"}"#, br#""nothing""#])),
    ] {
        seed::hold("control", name, &datagrams);
    }
}
