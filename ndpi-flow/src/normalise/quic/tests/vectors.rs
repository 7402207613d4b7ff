//! The packets in appendix A of RFC 9001 and of RFC 9369.

use super::super::keys::is_retry_to;
use super::*;

/// The identifier that the client chooses in both.
const TO: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const SERVER_INITIAL: &str = "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a\
    5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7d\
    deb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c27\
    6456cbc42158407dd074ee";
const RETRY: &str = "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba";
const RETRY_OF_TWO: &str =
    "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    hex.as_bytes().as_chunks().0.iter().map(|[a, b]| digit(*a) << 4 | digit(*b)).collect()
}

fn keys([key, iv, header]: [&str; 3]) -> Keys {
    let [key, iv, header] = [key, iv, header].map(bytes);
    Keys {
        key: key.try_into().unwrap(),
        iv: iv.try_into().unwrap(),
        header: header.try_into().unwrap(),
    }
}

#[test]
fn keys_follow_from_the_identifier() {
    let client = [
        "1f369613dd76d5467730efcbe3b1a22d",
        "fa044b2f42a3fd3b46fb255c",
        "9f50449e04a0e810283a1e9933adedd2",
    ];
    let server = [
        "cf3a5331653c364c88f0f379b6067e37",
        "0ac1493ca1905853b0bba03e",
        "c206b8d9b9f0f37644430b490eeaa314",
    ];
    let client_of_two = [
        "8b1a0bc121284290a29e0971b5cd045d",
        "91f73e2351d8fa91660e909f",
        "45b95e15235d6f45a6b19cbcb0294ba9",
    ];
    assert_eq!(Keys::of(Version::One, &TO, End::Client), keys(client));
    assert_eq!(Keys::of(Version::One, &TO, End::Server), keys(server));
    assert_eq!(Keys::of(Version::Two, &TO, End::Client), keys(client_of_two));
}

#[test]
fn the_servers_initial_opens_with_the_servers_keys_alone() {
    let datagram = bytes(SERVER_INITIAL);
    let packets = packets(&datagram);
    let [packet]: [Packet; 1] = packets.try_into().unwrap();
    assert_eq!((packet.kind, packet.to.len(), packet.from.len()), (Kind::Initial, 0, 8));
    let open = |end, to: &[u8]| Keys::of(Version::One, to, end).open(&packet);
    let (number, content) = open(End::Server, &TO).unwrap();
    assert_eq!((number, content.len()), (1, 99));
    assert!(content.starts_with(&bytes("02000000000600405a020000560303eefce7f7b37b")));
    assert_eq!(open(End::Client, &TO), None);
    assert_eq!(open(End::Server, ORIGINAL), None);
}

#[test]
fn a_retry_answers_one_identifier() {
    for retry in [RETRY, RETRY_OF_TWO] {
        let datagram = bytes(retry);
        let packets = packets(&datagram);
        assert_eq!(packets[0].kind, Kind::Retry);
        assert!(is_retry_to(&packets[0], &TO));
        assert!(!is_retry_to(&packets[0], ORIGINAL));
    }
}
