//! The bounds, with a list in place of the stack.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Mutex;

use ndpi_common::{Direction, Key, KeyV4};
use ndpi_flow::Sample;

use super::{Notified, Rejecter, Settings, Statistics, Transport};
use crate::{Answer, Stack, Unanswerable};

const SECOND: u64 = 1_000_000_000;

#[derive(Default)]
struct List {
    sent: Mutex<Vec<Answer>>,
    /// Fails every so many packets.
    fails_every: usize,
}

impl Transport for List {
    fn send(&self, answer: &Answer) -> io::Result<()> {
        let mut sent = self.sent.lock().unwrap();
        sent.push(answer.clone());
        if self.fails_every > 0 && sent.len().is_multiple_of(self.fails_every) {
            return Err(io::ErrorKind::NetworkUnreachable.into());
        }
        Ok(())
    }

    fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        address.octets()[3] == 255
    }
}

/// A packet of the flow from `port`: TCP, or UDP.
struct Packet {
    key: Key,
    direction: Direction,
    bytes: Vec<u8>,
}

impl Packet {
    fn new(port: u16, proto: u8, to: [u8; 4]) -> Self {
        let from = [198, 18, 0, 1];
        let mut bytes = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, proto, 0, 0];
        bytes.extend([from, to].concat());
        bytes.extend([port.to_be_bytes(), 443_u16.to_be_bytes()].concat());
        bytes.resize(40, 0);
        bytes[33] = 0x10;
        let (key, direction) = KeyV4::new((from, port), (to, 443), 0, proto);
        Self { key: Key::V4(key), direction, bytes }
    }

    fn tcp(port: u16) -> Self {
        Self::new(port, 6, [198, 18, 0, 2])
    }

    fn sample(&self) -> Sample<'_> {
        Sample {
            bytes: 40,
            tcp_flags: 0x10,
            ifindex: 1,
            ..Sample::new(self.key, self.direction, 0, &self.bytes)
        }
    }
}

fn rejecter(settings: Settings) -> Rejecter<List> {
    Rejecter::new(List::default(), settings)
}

#[test]
fn a_flow_is_notified_twice_of_what_is_dropped_and_a_new_one_again() {
    let rejecter = rejecter(Settings::default());
    let packet = Packet::tcp(1);
    let dropped = || Sample { rejected: true, ..packet.sample() };
    let reject = |sample: &Sample| rejecter.reject(sample, SECOND);
    let notified: Vec<_> = (0..5).map(|_| reject(&dropped())).collect();
    assert_eq!(notified[..2], [Notified::Sent; 2]);
    assert_eq!(notified[2..], [Notified::EnoughForFlow; 3]);
    assert_eq!(reject(&Sample { reopened: true, ..dropped() }), Notified::Sent);
    rejecter.forget(&packet.key);
    assert_eq!((0..5).filter(|_| reject(&dropped()) == Notified::Sent).count(), 2);
    let expected = Statistics { resets: 10, enough_for_flow: 6, ..Statistics::default() };
    assert_eq!(rejecter.statistics(), expected);
    assert_eq!(rejecter.transport.sent.lock().unwrap().len(), 10);
}

#[test]
fn all_that_passed_before_the_verdict_stood_is_answered() {
    let rejecter = rejecter(Settings::default());
    let packet = Packet::tcp(1);
    for _ in 0..32 {
        assert_eq!(rejecter.reject(&packet.sample(), SECOND), Notified::Sent);
    }
    let dropped = Sample { rejected: true, ..packet.sample() };
    assert_eq!(rejecter.reject(&dropped, SECOND), Notified::Sent, "and what is dropped as well");
}

#[test]
fn all_flows_together_keep_to_the_rate() {
    let rejecter = rejecter(Settings { rate: 10, burst: 20, per_flow: 3 });
    let reject = |port, now| rejecter.reject(&Packet::tcp(port).sample(), now);
    let notified: Vec<_> = (0..50).map(|port| reject(port, SECOND)).collect();
    assert_eq!(
        notified.iter().filter(|notified| **notified == Notified::Sent).count(),
        10,
        "two packets each"
    );
    assert_eq!(notified.iter().filter(|notified| **notified == Notified::EnoughForNow).count(), 40);
    assert_eq!(reject(49, SECOND + SECOND / 5), Notified::Sent, "suppressed ones used nothing up");
    let expected = Statistics { resets: 22, enough_for_now: 40, ..Statistics::default() };
    assert_eq!(rejecter.statistics(), expected);
}

#[test]
fn everything_else_is_notified_by_icmp() {
    let rejecter = rejecter(Settings::default());
    let packet = Packet::new(1, 17, [198, 18, 0, 2]);
    assert_eq!(rejecter.reject(&packet.sample(), SECOND), Notified::Sent);
    let expected = Statistics { unreachables: 1, ..Statistics::default() };
    assert_eq!(rejecter.statistics(), expected);
}

#[test]
fn nobody_answers_for_a_network() {
    let rejecter = rejecter(Settings::default());
    let packet = Packet::new(1, 17, [198, 18, 0, 255]);
    let notified = rejecter.reject(&packet.sample(), SECOND);
    assert_eq!(notified, Notified::Unanswerable(Unanswerable::Address));
    assert_eq!(rejecter.statistics().unanswerable, 1);
    assert!(rejecter.transport.sent.lock().unwrap().is_empty());
}

#[test]
fn one_end_is_notified_when_the_other_cannot_be() {
    let transport = List { fails_every: 2, ..List::default() };
    let rejecter = Rejecter::new(transport, Settings::default());
    let notified = rejecter.reject(&Packet::tcp(1).sample(), SECOND);
    assert_eq!(notified, Notified::Failed);
    let expected = Statistics { resets: 1, failed: 1, ..Statistics::default() };
    assert_eq!(rejecter.statistics(), expected);
}

#[test]
fn failures_are_logged_now_and_then() {
    let rejecter = rejecter(Settings::default());
    let mut bounds = rejecter.bounds();
    assert!(bounds.may_log(100 * SECOND));
    assert!(!bounds.may_log(101 * SECOND) && !bounds.may_log(109 * SECOND));
    assert!(bounds.may_log(110 * SECOND));
    assert!(bounds.may_log(5 * SECOND), "the clock went back");
}

#[test]
fn one_rejecter_serves_all_workers() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Rejecter<Stack>>();
}
