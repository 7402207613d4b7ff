use ndpi_labels::{Finding, Findings};
use proptest::prelude::*;

use super::{CONTINUATION, DATA, END_HEADERS, HEADERS, Http2, PADDED, PREFACE, PRIORITY, SETTINGS};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The fields of a request that later ones may refer to.
fn fields(host: &str) -> Vec<u8> {
    let length = u8::try_from(host.len()).unwrap();
    [&[0x82, 0x86, 0x84, 0x41, length][..], host.as_bytes()].concat()
}

/// The same of one that refers to the last host that was sent.
const AGAIN: &[u8] = &[0x82, 0x86, 0x84, 0xbe];

fn request(stream: u32, fields: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, fields)
}

fn opening() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])].concat()
}

/// What is asked for in these segments, and what is found.
fn asked(segments: &[&[u8]]) -> (Vec<String>, Findings) {
    let (mut http2, mut findings) = (Http2::default(), Findings::NONE);
    for segment in segments {
        http2.begin_segment();
        http2.take(segment, &mut findings);
    }
    (http2.hosts().into_iter().map(Into::into).collect(), findings)
}

#[test]
fn the_host_of_each_request_is_read() {
    let two = [
        opening(),
        request(1, &fields("one.example")),
        frame(DATA, 1, 1, &[0x41; 300]),
        request(3, &fields("two.example")),
        request(5, AGAIN),
    ];
    let (hosts, findings) = asked(&[&two.concat()]);
    assert_eq!(hosts, ["one.example", "two.example", "two.example"]);
    assert_eq!(findings, Findings::NONE);
}

#[test]
fn fields_are_read_from_any_frames() {
    let all = fields("one.example");
    let (first, rest) = all.split_at(7);
    let priority = [&[0, 0, 0, 0, 16][..], first].concat();
    let padded = [&[3, 0, 0, 0, 0, 16][..], first, &[0; 3]].concat();
    for opened in [
        frame(HEADERS, PRIORITY, 1, &priority),
        frame(HEADERS, PRIORITY | PADDED, 1, &padded),
        [frame(HEADERS, 0, 1, first), frame(CONTINUATION, 0, 1, &[])].concat(),
        frame(HEADERS, PADDED, 1, &[&[0][..], first].concat()),
    ] {
        let stream = [opening(), opened, frame(CONTINUATION, END_HEADERS, 1, rest)].concat();
        assert_eq!(asked(&[&stream]).0, ["one.example"]);
    }
}

#[test]
fn what_no_server_takes_is_ambiguous() {
    for bad in [
        // A string that goes on behind the fields, a broken code, no fields, padding that is all and more.
        request(1, &[0x41, 20, b'a']),
        request(1, &[0x41, 0x81, 0]),
        frame(HEADERS, END_HEADERS | PRIORITY, 1, &[0; 4]),
        frame(HEADERS, END_HEADERS | PADDED, 1, &[]),
        frame(HEADERS, END_HEADERS | PADDED, 1, &[5, 0, 0]),
        request(1, &[0xbe]),
    ] {
        let stream = [opening(), bad, vec![0; 20]].concat();
        let (hosts, findings) = asked(&[&stream]);
        assert!(hosts.is_empty() && findings.contains(Finding::Ambiguous), "{stream:?}");
    }
}

#[test]
fn bodies_need_not_be_seen() {
    let mut http2 = Http2::default();
    let mut findings = Findings::NONE;
    let body = frame(DATA, 1, 1, &[0x41; 10_000]);
    http2.take(
        &[&opening()[..], &request(1, &fields("one.example")), &body[..9]].concat(),
        &mut findings,
    );
    assert_eq!(http2.to_skip(), 10_000);
    http2.skip(9_999);
    http2.take(b"A", &mut findings);
    http2.take(&request(3, AGAIN), &mut findings);
    assert_eq!((http2.hosts().len(), findings), (2, Findings::NONE));
}

#[test]
fn behind_a_loss_requests_are_looked_for_in_segments() {
    let (mut http2, mut findings) = (Http2::default(), Findings::NONE);
    http2.take(&[opening(), request(1, &fields("one.example"))].concat(), &mut findings);
    http2.skip(100);
    assert!(!http2.begin_segment());
    http2.take(b"the rest of something", &mut findings);
    assert!(findings.contains(Finding::Ambiguous), "what was sent is not known");
    assert!(!http2.begin_segment());
    http2.take(&[request(5, &fields("two.example")), request(7, AGAIN)].concat(), &mut findings);
    assert!(http2.begin_segment());
    let hosts: Vec<String> = http2.hosts().into_iter().map(Into::into).collect();
    assert_eq!(hosts, ["one.example", "two.example", "two.example"]);
}

#[test]
fn what_the_server_may_not_read_changes_nothing() {
    let (mut http2, mut findings) = (Http2::default(), Findings::NONE);
    let first = [opening(), request(1, &fields("one.example"))].concat();
    http2.take(&first[..first.len() - 4], &mut findings);
    assert_eq!(http2.suspect(b"mple", true), ["one.example".into()]);
    assert_eq!(http2.suspect(&request(3, &fields("two.example")), false), ["two.example".into()]);
    http2.take(b"mple", &mut findings);
    assert_eq!(http2.hosts(), ["one.example".into()]);
}

#[test]
fn it_keeps_little_whatever_is_sent() {
    let (mut http2, mut findings) = (Http2::default(), Findings::NONE);
    http2.take(&opening(), &mut findings);
    let resized = request(1, &[0x3f, 0xe1, 0xff, 0xff, 0x7f]);
    http2.take(&resized, &mut findings);
    for number in 0..2_000 {
        let host = format!("{}{number}.example", "x".repeat(60));
        http2.take(&request(1, &fields(&host)), &mut findings);
        http2.hosts();
    }
    let kept = http2.kept();
    assert!(kept < 5_000, "{kept}");
}

proptest! {
    /// However what is sent is cut into segments, the same is read.
    #[test]
    fn cuts_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 1_usize..50) {
        let whole = [opening(), request(1, &fields("one.example")), bytes].concat();
        let (mut one, mut pieces) = (Http2::default(), Http2::default());
        let mut findings = Findings::NONE;
        one.take(&whole, &mut findings);
        whole.chunks(cut).for_each(|piece| pieces.take(piece, &mut findings));
        prop_assert_eq!(one.to_skip(), pieces.to_skip());
        prop_assert_eq!(one.hosts(), pieces.hosts());
    }
}
