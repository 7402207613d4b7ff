use ndpi_labels::{Finding, Findings};
use proptest::prelude::*;

use super::reader::{LONGEST_HEAD, MOST_UNCLEAR};
use super::{MOST_READERS, Requests};
use crate::normalise::http2::PREFACE;

const FIRST: &str = "GET / HTTP/1.1\r\nHost: one.example\r\n\r\n";
const SECOND: &str = "GET /2 HTTP/1.1\r\nHost: two.example\r\n\r\n";

fn requests(first: &str) -> (Requests, Findings) {
    let mut findings = Findings::NONE;
    (Requests::after(first.as_bytes(), &mut findings).expect("a request"), findings)
}

/// The hosts of what is sent in these segments after a first request, and what is found.
fn asked(first: &str, segments: &[&str]) -> (Vec<String>, Findings) {
    let (mut requests, mut findings) = requests(first);
    for segment in segments {
        requests.take(segment.as_bytes(), &mut findings);
    }
    (requests.hosts().into_iter().map(Into::into).collect(), findings)
}

fn with(fields: &str) -> String {
    FIRST.replace("\r\n\r\n", &format!("\r\n{fields}\r\n\r\n"))
}

#[test]
fn only_what_begins_with_a_request_has_others() {
    for bytes in [&b"\x16\x03\x01"[..], b"SSH-2.0", b"", b"\r\n"] {
        assert!(Requests::after(bytes, &mut Findings::default()).is_none(), "{bytes:?}");
    }
}

#[test]
fn the_host_of_each_later_request_is_asked_for_once() {
    let third = SECOND.replace("two", "three");
    let (hosts, findings) = asked(FIRST, &[SECOND, SECOND, &third, SECOND, FIRST]);
    assert_eq!(hosts, ["two.example", "three.example", "two.example", "one.example"]);
    assert_eq!(findings, Findings::NONE);
    let (hosts, _) = asked(&format!("{FIRST}{SECOND}"), &[]);
    assert_eq!(hosts, ["two.example"], "in the first segment");
}

#[test]
fn requests_behind_one_that_no_server_knows_are_read() {
    let odd = FIRST.replace("GET", "odd");
    assert_eq!(asked(&odd, &[SECOND]).0, ["two.example"]);
}

#[test]
fn a_host_is_found_in_any_target_and_over_lines() {
    let host = "Host: two.example";
    for request in [
        SECOND.replace("/2", "https://three.example/").replace("GET ", "GET  "),
        SECOND.replace(host, "Host:\r\n three.example"),
        SECOND.replace("GET /2", "CONNECT three.example:443"),
        "GET http://three.example/\r\n".into(),
    ] {
        assert_eq!(asked(FIRST, &[&request]).0, ["three.example"], "{request}");
    }
    let other = SECOND.replace(host, "Host: two.example\r\nX: y\r\n three.example");
    assert_eq!(asked(FIRST, &[&other]).0, ["two.example"], "another field goes on");
}

#[test]
fn bodies_and_chunks_are_skipped() {
    let body = with("Content-Length: 37");
    assert_eq!(asked(&body, &[&FIRST.replace("one", "odd"), SECOND]).0, ["two.example"]);
    let chunked = with("Transfer-Encoding: chunked");
    let chunks =
        format!("25;x\r\n{}\r\n0\r\nTrailer: a\r\n\r\n{SECOND}", FIRST.replace("one", "odd"));
    assert_eq!(asked(&chunked, &[&chunks]).0, ["two.example"]);
}

#[test]
fn what_is_skipped_need_not_be_seen() {
    let (mut requests, mut findings) = requests(&with("Content-Length: 5000000000"));
    assert_eq!(requests.to_skip(), 5_000_000_000);
    requests.skip(4_999_999_999);
    requests.take(b"x", &mut findings);
    requests.take(SECOND.as_bytes(), &mut findings);
    assert_eq!(requests.hosts().len(), 1);
    // A byte too many: it is not known where the client is, but a segment may begin with a request.
    requests.skip(1);
    requests.take(b"x", &mut findings);
    requests.take(FIRST.as_bytes(), &mut findings);
    assert_eq!(requests.hosts().len(), 1);
}

#[test]
fn contradictory_lengths_are_found_and_requests_looked_for() {
    let first = with("Content-Length: 5\r\nTransfer-Encoding: chunked");
    let (hosts, findings) = asked(&first, &["0\r\n\r\n", SECOND]);
    assert_eq!(hosts, ["two.example"]);
    assert!(findings.contains(Finding::Ambiguous));
    let (hosts, findings) = asked(&with("Transfer-Encoding: chunked"), &["what\r\n", SECOND]);
    assert_eq!(hosts, ["two.example"]);
    assert!(findings.contains(Finding::Ambiguous));
}

#[test]
fn behind_another_protocol_nothing_is_looked_for_in_the_end() {
    let (mut requests, mut findings) = requests(&with("Upgrade: websocket"));
    for _ in 0..MOST_UNCLEAR {
        requests.take(b"\x81\x85abcd", &mut findings);
    }
    assert!(!requests.is_over() && findings == Findings::NONE);
    requests.take(b"\x81\x85abcd", &mut findings);
    requests.take(b"\x81\x85abcd", &mut findings);
    assert!(requests.is_over() && requests.hosts().is_empty());
}

/// The preface of HTTP/2, and a request of it to a host.
fn http2(host: &str) -> Vec<u8> {
    let length = u8::try_from(host.len()).unwrap();
    let frame = [0, 0, length + 2, 1, 4, 0, 0, 0, 1, 0x41, length];
    [PREFACE, &frame, host.as_bytes()].concat()
}

#[test]
fn requests_of_http_2_on_the_same_connection_are_read() {
    let sent = http2("two.example");
    for cut in [3, 9, 20, sent.len()] {
        let (mut requests, mut findings) = requests(&with("Upgrade: h2c"));
        for segment in [&sent[..cut], &sent[cut..]] {
            requests.take(segment, &mut findings);
        }
        assert_eq!(requests.hosts(), ["two.example".into()], "{cut}");
        assert_eq!(findings, Findings::NONE);
    }
    let (hosts, findings) = asked(&with("Upgrade: h2c"), &[SECOND]);
    assert_eq!((hosts, findings), (vec!["two.example".into()], Findings::NONE), "it was not taken");
}

#[test]
fn a_connection_of_http_2_asks_for_its_first_host_too() {
    let mut findings = Findings::NONE;
    let mut requests = Requests::after(&http2("one.example"), &mut findings).unwrap();
    assert_eq!(requests.hosts(), ["one.example".into()]);
    requests.take(&http2("two.example")[PREFACE.len()..], &mut findings);
    assert_eq!(requests.hosts(), ["two.example".into()]);
    assert!(requests.kept() > 0 && !requests.is_over());
}

#[test]
fn what_is_in_one_segment_with_something_odd_is_found() {
    let odd = "FOO / HTTP/1.1\r\nHost: odd.example\r\n\r\n";
    assert_eq!(asked(FIRST, &[&format!("{odd}{SECOND}")]).0, ["odd.example", "two.example"]);
    assert_eq!(asked(FIRST, &[&format!("what is this\r\n{SECOND}")]).0, ["two.example"]);
    let two_lengths = with("Content-Length: 5\r\nTransfer-Encoding: chunked");
    assert_eq!(asked(FIRST, &[&format!("{two_lengths}0\r\n\r\n{SECOND}")]).0, ["two.example"]);
    let chunked = with("Transfer-Encoding: chunked");
    assert_eq!(asked(&chunked, &[&format!("what\r\n{SECOND}")]).0, ["two.example"]);
    let awaited = with("Content-Length: 5\r\nExpect: 100-continue");
    assert_eq!(asked(&awaited, &[&format!("x\r\n{SECOND}")]).0, ["two.example"]);
    assert_eq!(asked(&awaited, &[&format!("\r\n\n{SECOND}")]).0, ["two.example"]);
}

#[test]
fn many_small_requests_in_a_segment_are_read_once_each() {
    let many = "GET / HTTP/1.1\n\n".repeat(100_000);
    let began = std::time::Instant::now();
    assert_eq!(asked(FIRST, &[&many, SECOND]).0, ["two.example"]);
    // Minutes, if each were read again for those before it.
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}

/// A request whose client asks the server first if it wants a body of this length.
fn awaited(length: usize) -> String {
    with(&format!("Content-Length: {length}\r\nExpect: 100-continue"))
}

#[test]
fn a_body_that_the_server_may_not_want_may_be_a_request() {
    assert_eq!(asked(&awaited(1000), &[SECOND]).0, ["two.example"]);
    let (begin, rest) = SECOND.split_at(20);
    assert_eq!(asked(&awaited(1000), &[begin, rest]).0, ["two.example"], "in two segments");
}

#[test]
fn behind_a_body_that_the_server_was_asked_about_comes_a_request() {
    let body = "x".repeat(1000);
    for segments in [vec![&*body, SECOND], vec![&*format!("{body}{SECOND}")]] {
        assert_eq!(asked(&awaited(1000), &segments).0, ["two.example"]);
    }
    let pieces: Vec<_> = (0..200).map(|_| "12345").chain([SECOND]).collect();
    assert_eq!(asked(&awaited(1000), &pieces).0, ["two.example"], "in many segments");
    let chunked = with("Transfer-Encoding: chunked\r\nExpect: 100-continue");
    assert_eq!(asked(&chunked, &["3\r\nabc\r\n0\r\n\r\n", SECOND]).0, ["two.example"]);
}

#[test]
fn a_body_that_begins_like_a_request_is_read_both_ways() {
    let third = SECOND.replace("two", "three");
    // The server may want it: then the next request is behind it.
    let body = SECOND.replace("\r\n\r\n", "\r\nContent-Length: 9000\r\n\r\n");
    let (hosts, findings) = asked(&awaited(body.len()), &[&body, &third]);
    assert_eq!(
        (hosts, findings),
        (vec!["two.example".into(), "three.example".into()], Findings::NONE)
    );
    // Or not: then it is behind the body of that request.
    let body = SECOND.replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nabcde");
    assert_eq!(asked(&awaited(9000), &[&body, &third]).0, ["two.example", "three.example"]);
}

#[test]
fn what_is_skipped_is_of_no_interest_either_way() {
    let (mut requests, mut findings) = requests(&awaited(9000));
    assert_eq!(requests.to_skip(), 0, "the first bytes of the body may be a request");
    requests.take(b"{}", &mut findings);
    assert_eq!(requests.to_skip(), 8998, "they are none");
    let (mut requests, _) = self::requests(&awaited(9000));
    let body = SECOND.replace("\r\n\r\n", "\r\nContent-Length: 70\r\n\r\n");
    requests.take(body.as_bytes(), &mut findings);
    assert_eq!(requests.to_skip(), 70);
    requests.skip(70);
    assert_eq!(requests.to_skip(), 0);
    requests.take(FIRST.as_bytes(), &mut findings);
    assert_eq!(requests.hosts().len(), 2);
}

#[test]
fn bodies_that_may_be_requests_are_read_in_few_ways_only() {
    let first = awaited(9000);
    let (hosts, findings) = asked(&first, &[&first.replace("one", "two"), &first]);
    assert_eq!(hosts, ["two.example", "one.example"]);
    assert_eq!(findings, Findings::NONE);
    // Each is within the body of the one before, if that is wanted.
    let (mut requests, mut findings) = requests(&first);
    for _ in 0..1000 {
        requests.take(first.as_bytes(), &mut findings);
        requests.take(b"GET / HTTP/1.1\r\nX: ", &mut findings);
        requests.take(&[b'x'; 1000], &mut findings);
        requests.take(b"\r\n\r\n", &mut findings);
        assert!(requests.kept() <= MOST_READERS * (LONGEST_HEAD + 1000));
    }
    assert!(findings.contains(Finding::Ambiguous));
    requests.take(SECOND.as_bytes(), &mut findings);
    let last = requests.hosts().pop();
    assert_eq!(last.as_deref(), Some("two.example"));
}

#[test]
fn a_suspect_is_asked_about_and_changes_nothing() {
    let (mut requests, mut findings) = requests(FIRST);
    let (begin, rest) = SECOND.split_at(17);
    requests.take(begin.as_bytes(), &mut findings);
    requests.suspect(b"Host: fake.example\r\nContent-Length: 9000\r\n\r\n", true);
    requests.suspect(FIRST.as_bytes(), false);
    requests.take(rest.as_bytes(), &mut findings);
    let hosts: Vec<_> = requests.hosts().iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["fake.example", "one.example", "two.example"]);
}

#[test]
fn no_more_is_kept_than_a_head_may_have() {
    let (mut requests, mut findings) = requests(FIRST);
    requests.take(b"GET / HTTP/1.1\r\nX: ", &mut findings);
    for _ in 0..1000 {
        requests.take(&[b'x'; 1000], &mut findings);
        assert!(requests.kept() <= LONGEST_HEAD + 1000);
    }
    assert!(findings.contains(Finding::Oversize) && requests.kept() == 0);
}

proptest! {
    /// However the bytes of some requests are cut, the hosts are the same.
    #[test]
    fn cuts_change_nothing(
        bodies in prop::collection::vec((0_u8..3, 0_usize..60), 1..6),
        cuts in prop::collection::vec(1_usize..50, 1..60),
    ) {
        let mut sent = String::from(FIRST);
        let mut expected = Vec::new();
        for (number, (kind, length)) in bodies.into_iter().enumerate() {
            let host = format!("h{number}.example");
            let body = "G".repeat(length);
            let (field, body) = match kind {
                0 => (String::new(), String::new()),
                1 => (format!("Content-Length: {length}\r\n"), body),
                _ if length == 0 => ("Transfer-Encoding: chunked\r\n".into(), "0\r\n\r\n".into()),
                _ => ("Transfer-Encoding: chunked\r\n".into(), format!("{length:x}\r\n{body}\r\n0\r\n\r\n")),
            };
            let head = ["POST / HTTP/1.1\r\n", &field, "Host: ", &host, "\r\n\r\n"].concat();
            sent.extend([head, body]);
            expected.push(host);
        }
        let mut rest = &sent.as_bytes()[FIRST.len()..];
        let mut segments = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (segment, behind) = rest.split_at((*cut).min(rest.len()));
            segments.push(str::from_utf8(segment).unwrap());
            rest = behind;
        }
        let (hosts, findings) = asked(FIRST, &segments);
        prop_assert_eq!(hosts, expected);
        prop_assert_eq!(findings, Findings::NONE);
    }

    #[test]
    fn anything_may_be_sent(segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
        let (mut requests, mut findings) = requests(FIRST);
        for segment in segments {
            requests.take(&segment, &mut findings);
            requests.skip(requests.to_skip().min(7));
        }
    }
}
