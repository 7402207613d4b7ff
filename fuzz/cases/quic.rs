//! Initial packets of QUIC whose content the fuzzer makes: sealed, as bytes that are not go no further than their tag.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use hkdf::Hkdf;
use sha2::Sha256;

/// Two identifiers that a client chooses for its server, and those that both have then.
const CHOSEN: [[u8; 8]; 2] = [[1; 8], [7; 8]];
const CLIENT: [u8; 8] = [2; 8];
const SERVER: [u8; 8] = [3; 8];

/// A version: its number, the first byte of its Initials, the salt of their keys and the names of these (RFC 9001,
/// section 5.2; RFC 9369, section 3.3).
struct Version {
    number: [u8; 4],
    first: u8,
    salt: [u8; 20],
    names: [&'static str; 3],
}

const VERSIONS: [Version; 2] = [
    Version {
        number: [0, 0, 0, 1],
        first: 0xc0,
        salt: [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
            0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
        ],
        names: ["quic key", "quic iv", "quic hp"],
    },
    Version {
        number: [0x6b, 0x33, 0x43, 0xcf],
        first: 0xd0,
        salt: [
            0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26,
            0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
        ],
        names: ["quicv2 key", "quicv2 iv", "quicv2 hp"],
    },
];

/// What a record's first byte says of it, beyond who sends it and whether some of it is cut, which are as the case of
/// streams has them.
const SERVER_SENDS: u8 = 1;
const SECOND_VERSION: u8 = 1 << 2;
const OTHER_CHOSEN: u8 = 1 << 3;
/// It is a datagram as it is.
const UNSEALED: u8 = 1 << 4;
/// It does not come far.
const SHORT_LIVED: u8 = 1 << 5;

/// The packets that `data` makes, as the case of streams reads them.
pub(super) fn for_streams(data: &[u8]) -> Vec<u8> {
    let mut packets = Vec::new();
    for (bits, l3) in sealed(data) {
        let length = u16::try_from(l3.len()).unwrap_or(u16::MAX).to_be_bytes();
        // UDP, and who sends and whether it is cut.
        packets.push(bits & 3 | 4);
        packets.extend(length);
        packets.extend(l3);
    }
    packets
}

/// The packets that `data` makes, each with what is said of it: a byte as said, two for the length, and the frames of an
/// Initial.
pub(super) fn sealed(mut data: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut packets = Vec::new();
    while let Some((&[bits, high, low], rest)) = data.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]) & 0x7ff).min(rest.len());
        let (content, rest) = rest.split_at(length);
        data = rest;
        let datagram = if bits & UNSEALED == 0 { initial(bits, content) } else { content.to_vec() };
        packets.push((bits, packet(bits, &datagram)));
    }
    packets
}

/// An Initial with a number of one byte (RFC 9000, section 17.2.2).
fn initial(bits: u8, frames: &[u8]) -> Vec<u8> {
    let version = &VERSIONS[usize::from(bits & SECOND_VERSION != 0)];
    let chosen = &CHOSEN[usize::from(bits & OTHER_CHOSEN != 0)];
    let from_server = bits & SERVER_SENDS != 0;
    let (side, ids) = if from_server {
        ("server in", [CLIENT, SERVER])
    } else {
        ("client in", [*chosen, CLIENT])
    };
    let secret = Hkdf::<Sha256>::new(Some(&version.salt), chosen);
    let secret: [u8; 32] = expand(&secret, side);
    let secret = Hkdf::<Sha256>::from_prk(&secret).expect("as long as a hash");
    let mut content = frames.to_vec();
    // As many as a header's protection takes.
    content.resize(content.len().max(20), 0);
    let length = u16::try_from(content.len() + 1 + 16).expect("it was bounded") | 0x4000;
    let ids = ids.map(|id| [&[8], &id[..]].concat()).concat();
    let mut packet =
        [&[version.first][..], &version.number, &ids, &[0], &length.to_be_bytes(), &[0]].concat();
    let at = packet.len() - 1;
    let [key, nonce, header] = version.names;
    let cipher = Aes128Gcm::new(&expand::<16>(&secret, key).into());
    let nonce: Nonce<Aes128Gcm> = expand::<12>(&secret, nonce).into();
    let tag = cipher.encrypt_inout_detached(&nonce, &packet, content.as_mut_slice().into());
    packet.extend(content);
    packet.extend(tag.expect("it was bounded"));
    let sample: [u8; 16] = packet[at + 4..at + 20].try_into().expect("of that length");
    let mut mask = sample.into();
    Aes128::new(&expand::<16>(&secret, header).into()).encrypt_block(&mut mask);
    packet[0] ^= mask[0] & 0x0f;
    packet[at] ^= mask[1];
    packet
}

/// `HKDF-Expand-Label` with an empty context (RFC 8446, section 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let name = format!("tls13 {label}");
    let length = u8::try_from(name.len()).expect("a short name");
    let info =
        [&[0, u8::try_from(N).expect("a short key"), length][..], name.as_bytes(), &[0]].concat();
    let mut expanded = [0; N];
    secret.expand(&info, &mut expanded).expect("shorter than a hash");
    expanded
}

/// A datagram from its IP header on, between the ends that the case of streams has.
fn packet(bits: u8, datagram: &[u8]) -> Vec<u8> {
    let ends = [([198, 18, 0, 2], 40_000_u16), ([198, 18, 0, 1], 443)];
    let [(client, from), (server, to)] = ends;
    let (addresses, ports) = if bits & SERVER_SENDS == 0 {
        ([client, server], [from, to])
    } else {
        ([server, client], [to, from])
    };
    let ttl = if bits & SHORT_LIVED == 0 { 64 } else { 3 };
    let length = |headers: usize| u16::try_from(headers + datagram.len()).unwrap_or(u16::MAX);
    let mut ip = [0; 20];
    (ip[0], ip[8], ip[9]) = (0x45, ttl, 17);
    ip[2..4].copy_from_slice(&length(28).to_be_bytes());
    ip[12..16].copy_from_slice(&addresses[0]);
    ip[16..20].copy_from_slice(&addresses[1]);
    let sum: u32 = ip.chunks(2).map(|it| u32::from(it[0]) << 8 | u32::from(it[1])).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or(u16::MAX);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let ports = ports.map(u16::to_be_bytes).concat();
    [&ip[..], &ports, &length(8).to_be_bytes(), &[0, 0], datagram].concat()
}
