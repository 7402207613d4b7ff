//! Packets that nobody should send.

use ndpi::Engine;
use ndpi_sys::packets;

use crate::common::guarded::Guarded;
use crate::common::{START_MS, ends, engine};

/// Good packets of several protocols.
fn good() -> Vec<Vec<u8>> {
    let mut answer = packets::dns_query("www.example.org");
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[7] = 1;
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 7, 7]);
    let hello = packets::tls_client_hello("www.example.org", &["h2", "http/1.1"]);
    vec![
        ends(80).handshake()[0].clone(),
        ends(80).request(&packets::http_get("www.example.org", "/path?query", "agent/1")),
        ends(80).response(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"),
        ends(53).datagram(&packets::dns_query("www.example.org")),
        ends(53).reply(&answer),
        ends(443).request(&hello),
        ends(22).request(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        ends(25).response(b"220 mail.example.org ESMTP\r\n"),
    ]
}

/// Looks at a packet in every way there is.
fn look(engine: &Engine, room: &mut Guarded, packet: &[u8]) {
    let mut flow = engine.flow();
    let first = flow.process(room.hold(packet), START_MS);
    assert_eq!(first, flow.classification());
    flow.process(room.hold(packet), START_MS + 1);
    flow.metadata();
    flow.give_up();
    flow.json().expect("JSON of anything");
    flow.metadata();
}

#[test]
fn packets_may_end_anywhere() {
    let Some(engine) = engine() else { return };
    let mut room = Guarded::new();
    for packet in good() {
        for length in 0..packet.len() {
            look(&engine, &mut room, &packet[..length]);
        }
    }
}

#[test]
fn lengths_in_headers_may_lie() {
    let Some(engine) = engine() else { return };
    let mut room = Guarded::new();
    for packet in good() {
        for lie in [0, 1, 19, 20, 27, 28, 40, 1500, 0x7fff, 0xffff_u16] {
            // The IPv4 length, and that of UDP or the upper half of TCP's sequence number.
            for place in [2, 24] {
                let mut packet = packet.clone();
                packet[place..place + 2].copy_from_slice(&lie.to_be_bytes());
                look(&engine, &mut room, &packet);
            }
        }
        for first in 0..=u8::MAX {
            let mut packet = packet.clone();
            packet[0] = first;
            look(&engine, &mut room, &packet);
        }
    }
}

#[test]
fn bytes_may_be_anything() {
    let Some(engine) = engine() else { return };
    let mut room = Guarded::new();
    let mut random = Random(1);
    for packet in good() {
        for _ in 0..500 {
            let mut packet = packet.clone();
            for _ in 0..=random.below(6) {
                let place = random.below(packet.len());
                packet[place] = random.next().to_le_bytes()[0];
            }
            look(&engine, &mut room, &packet);
        }
    }
}

#[test]
fn more_than_a_packet_can_hold_is_cut() {
    let Some(engine) = engine() else { return };
    let mut packet = ends(80).request(&packets::http_get("www.example.org", "/", "agent/1"));
    packet.resize(100_000, b' ');
    let mut flow = engine.flow();
    flow.process(&packet, START_MS);
    assert_eq!(flow.hostname().as_deref(), Some("www.example.org"));
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }
}
