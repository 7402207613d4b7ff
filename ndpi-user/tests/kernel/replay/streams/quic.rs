//! QUIC connections beside which others are sent, or which open in another way than most.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use hkdf::Hkdf;
use sha2::Sha256;
use testkit::packets::{capture, udp};
use testkit::program::file;
use testkit::tls::message;

use super::super::setup::{can_replay, replay};
use super::POLICY;

const BLOCKED: &str = "www.facebook.com";
const INNOCENT: &str = "www.example.com";
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
/// The identifiers that the client chooses for its server and for itself, and the server's own.
const ORIGINAL: [u8; 8] = [1; 8];
const OTHER: [u8; 8] = [7; 8];
const CLIENT: [u8; 8] = [2; 8];
const SERVER: [u8; 8] = [3; 8];
/// Data that come behind the handshake, with a short header.
const DATA: usize = 60;

/// A datagram, who sends it and with what time to live.
struct Sent {
    from_client: bool,
    ttl: u8,
    datagram: Vec<u8>,
}

fn client(datagram: Vec<u8>) -> Sent {
    Sent { from_client: true, ttl: 64, datagram }
}

fn server(datagram: Vec<u8>) -> Sent {
    Sent { from_client: false, ttl: 50, datagram }
}

/// `HKDF-Expand-Label` (RFC 8446, section 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let name = format!("tls13 {label}");
    let length = u8::try_from(name.len()).unwrap();
    let info = [&[0, u8::try_from(N).unwrap(), length][..], name.as_bytes(), &[0]].concat();
    let mut expanded = [0; N];
    secret.expand(&info, &mut expanded).unwrap();
    expanded
}

/// An Initial (RFC 9000, section 17.2.2) whose keys follow from `original` (RFC 9001, section 5.2).
fn initial(side: &str, original: [u8; 8], ids: [[u8; 8]; 2], frames: &[u8]) -> Vec<u8> {
    let initial = Hkdf::<Sha256>::new(Some(&SALT), &original);
    let secret: [u8; 32] = expand(&initial, side);
    let secret = Hkdf::<Sha256>::from_prk(&secret).unwrap();
    let mut content = frames.to_vec();
    content.resize(1150, 0);
    let length = u16::try_from(content.len() + 1 + 16).unwrap() | 0x4000;
    let ids = ids.map(|id| [&[8], &id[..]].concat()).concat();
    let mut packet = [&[0xc0, 0, 0, 0, 1][..], &ids, &[0], &length.to_be_bytes(), &[0]].concat();
    let at = packet.len() - 1;
    let key: [u8; 16] = expand(&secret, "quic key");
    let nonce: [u8; 12] = expand(&secret, "quic iv");
    let buffer = content.as_mut_slice().into();
    let cipher = Aes128Gcm::new(&key.into());
    let tag = cipher.encrypt_inout_detached(&nonce.into(), &packet, buffer).unwrap();
    packet.extend(content.into_iter().chain(tag));
    let mut mask = <[u8; 16]>::try_from(&packet[at + 4..at + 20]).unwrap().into();
    let key: [u8; 16] = expand(&secret, "quic hp");
    Aes128::new(&key.into()).encrypt_block(&mut mask);
    packet[0] ^= mask[0] & 0x0f;
    packet[at] ^= mask[1];
    packet
}

/// A frame with bytes of the handshake (RFC 9000, section 19.6).
fn crypto(at: usize, bytes: &[u8]) -> Vec<u8> {
    let number = |number: usize| (u16::try_from(number).unwrap() | 0x4000).to_be_bytes();
    [&[6][..], &number(at), &number(bytes.len()), bytes].concat()
}

fn opening_with(original: [u8; 8], frames: &[u8]) -> Sent {
    client(initial("client in", original, [original, CLIENT], frames))
}

fn opening(original: [u8; 8], name: &str) -> Sent {
    opening_with(original, &crypto(0, &message(name)))
}

fn answer(original: [u8; 8]) -> Sent {
    server(initial("server in", original, [CLIENT, SERVER], &[2, 0, 0, 0, 0]))
}

fn data() -> Vec<Sent> {
    let packet = |id: [u8; 8]| [&[0x42][..], &id, &[0x5a; 60]].concat();
    (0..DATA)
        .map(|n| if n % 2 == 0 { server(packet(CLIENT)) } else { client(packet(SERVER)) })
        .collect()
}

/// Replays what is sent between two ports and what follows, and returns whether all of the latter is dropped, or
/// nothing.
fn is_blocked(test: &str, sent: &[(u16, Vec<Sent>)]) -> bool {
    let mut packets = Vec::new();
    for (port, sent) in sent {
        for Sent { from_client, ttl, datagram } in sent {
            let ports = if *from_client { [*port, 443] } else { [443, *port] };
            let mut packet = udp(ports, !from_client, datagram);
            packet[8] = *ttl;
            packets.push(packet);
        }
    }
    let packets: Vec<_> = (1..).zip(packets).collect();
    let policy = file(test, "policy.toml", POLICY.as_bytes());
    let path = file(test, "quic.pcap", &capture(&packets));
    let run = replay(&["--json", "--packets", "--policy", &policy, &path]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let packets = run.records("packet");
    let last = &packets[packets.len() - DATA..];
    let dropped = last.iter().filter(|packet| packet["action"] == "drop").count();
    assert!(dropped == 0 || dropped >= DATA - 2, "{test}: {dropped}");
    dropped > 0
}

fn connection(test: &str, opening: impl IntoIterator<Item = Sent>) -> bool {
    let sent = opening.into_iter().chain(data()).collect();
    is_blocked(test, &[(50_000, sent)])
}

fn far_from(sent: Sent) -> Sent {
    Sent { ttl: 3, ..sent }
}

#[test]
fn the_connection_that_the_server_answers_decides() {
    if !can_replay() {
        return;
    }
    for (name, is_blocked, other) in [("blocked", true, INNOCENT), ("innocent", false, BLOCKED)] {
        let real = if is_blocked { BLOCKED } else { INNOCENT };
        let hello = message(real);
        let test = |way: &str| format!("quic-{name}-{way}");
        let plain = [opening(ORIGINAL, real), answer(ORIGINAL)];
        assert_eq!(connection(&test("plain"), plain), is_blocked);
        let beside = [far_from(opening(OTHER, other)), opening(ORIGINAL, real), answer(ORIGINAL)];
        assert_eq!(connection(&test("beside"), beside), is_blocked);
        let same = [far_from(opening(ORIGINAL, other)), opening(ORIGINAL, real), answer(ORIGINAL)];
        assert_eq!(connection(&test("same"), same), is_blocked);
        let behind = [opening(ORIGINAL, real), opening(OTHER, other), answer(ORIGINAL)];
        assert_eq!(connection(&test("behind"), behind), is_blocked);
        let late = [client(b"junk".into()), opening_with(ORIGINAL, &[1]), opening(ORIGINAL, real)];
        let late = late.into_iter().chain([answer(ORIGINAL)]);
        assert_eq!(connection(&test("late"), late), is_blocked);
        let pieces = [
            opening_with(ORIGINAL, &crypto(60, &hello[60..])),
            answer(ORIGINAL),
            client(initial("client in", ORIGINAL, [SERVER, CLIENT], &crypto(0, &hello[..60]))),
        ];
        assert_eq!(connection(&test("pieces"), pieces), is_blocked);
        let long = [&hello[..], &[0; 900]].concat();
        let long = [opening_with(ORIGINAL, &crypto(0, &long)), answer(ORIGINAL)];
        assert_eq!(connection(&test("long"), long), is_blocked);
    }
}

#[test]
fn a_blocked_connection_is_blocked_on_another_port() {
    if !can_replay() {
        return;
    }
    for (name, is_blocked_now) in [(BLOCKED, true), (INNOCENT, false)] {
        let first = vec![opening(ORIGINAL, name), answer(ORIGINAL)];
        let sent = [(50_000, first), (50_001, data().into_iter().skip(1).chain(data()).collect())];
        assert_eq!(is_blocked(&format!("quic-moved-{name}"), &sent), is_blocked_now);
    }
}
