//! Messages between an instance and other processes, as the fuzzer and the test that replays its corpus feed them.

use ndpi_export::courier_said;
use ndpi_user::control::{Answer, Reply, Request};
use ndpi_user::fleet::follower_said;
use ndpi_user::metrics::exposition;

/// A policy is no longer than this, as docs/fleet.md says.
const LONGEST_POLICY: usize = 8 << 20;

/// Reads `data` as its first byte says: a request to the control socket, a reply of it, what a courier says, or what a
/// follower does, of which each datagram has two bytes for its length before it.
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
        b'f' => follower(bytes),
        _ => {}
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
