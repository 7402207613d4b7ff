//! Messages between an instance and other processes, as the fuzzer and the test that replays its corpus feed them.

use ndpi_export::{courier_job, courier_said};
use ndpi_user::apart::worker_said;
use ndpi_user::control::{Answer, Reply, Request};
use ndpi_user::fleet::{follower_job, follower_said};
use ndpi_user::metrics::{exposition, is_answered};

/// A policy is no longer than this, as docs/fleet.md says.
const LONGEST_POLICY: usize = 8 << 20;
/// So is the head of a request for metrics.
const LONGEST_REQUEST: usize = 8 << 10;

/// Reads `data` as its first byte says: a request to the control socket, a reply of it, what a courier says, or what a
/// follower does, of which each datagram has two bytes for its length before it; what one of those is told first, an
/// answer of nDPI's process, or a request for metrics.
///
/// # Panics
/// If a reader does something that it never should.
pub(super) fn run(data: &[u8]) {
    let Some((&who, bytes)) = data.split_first() else { return };
    match who {
        b'q' => request(bytes),
        b'r' => reply(bytes),
        b'c' => {
            if let Some(said) = courier_said(bytes) {
                assert_eq!(courier_said(&said), Some(said.clone()));
            }
        }
        b'j' => job(bytes, courier_job),
        b'p' => job(bytes, follower_job),
        b'w' => worker(bytes),
        b'm' => assert!(is_answered(bytes) || bytes.len() < LONGEST_REQUEST),
        b'f' => follower(bytes),
        _ => {}
    }
}

/// What is understood is told again in words that mean the same.
fn job(bytes: &[u8], again: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    if let Some(told) = again(bytes) {
        assert_eq!(again(&told), Some(told.clone()));
    }
}

/// What is understood is an answer of the same kind when it is said again.
fn worker(bytes: &[u8]) {
    for (kind, said) in worker_said(bytes).into_iter().enumerate() {
        if let Some(said) = said {
            assert_eq!(worker_said(&said)[kind], Some(said.clone()));
        }
    }
}

/// What is understood is asked in the same words.
fn request(bytes: &[u8]) {
    if let Ok(command) = Request::read(bytes) {
        let again = serde_json::to_vec(&Request::new(command.clone())).expect("texts and numbers");
        assert_eq!(Request::read(&again), Ok(command));
    }
}

/// What is understood is said in the same words, and can be shown.
fn reply(bytes: &[u8]) {
    let Ok(answer) = Reply::read(bytes) else { return };
    if let Answer::Status(snapshot) = &answer {
        let _ = exposition(snapshot);
    }
    let again = serde_json::to_vec(&Reply::new(answer)).expect("texts and numbers");
    assert!(Reply::read(&again).is_ok(), "{}", String::from_utf8_lossy(&again));
}

fn follower(mut bytes: &[u8]) {
    let datagrams = std::iter::from_fn(|| {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (datagram, rest) = rest.split_at(length);
        bytes = rest;
        Some(datagram)
    });
    for (_, _, text) in follower_said(datagrams) {
        assert!(text.len() <= LONGEST_POLICY, "{} bytes", text.len());
    }
}
