//! A TLS 1.3 `ClientHello` (RFC 8446, section 4.1.2) that names its server.

/// The record that a client sends first.
pub(crate) fn client_hello(server: &str) -> Vec<u8> {
    let extensions = [server_name(server), extension(43, &[2, 3, 4]), groups_and_shares()].concat();
    let body = [
        &[3, 3][..],
        &[0x42; 32],
        // No session, one cipher suite, no compression.
        &[0],
        &[0, 2, 0x13, 0x01],
        &[1, 0],
        &length16(&extensions),
    ]
    .concat();
    let handshake = [&[1, 0][..], &length16(&body)].concat();
    [&[22, 3, 1][..], &length16(&handshake)].concat()
}

/// RFC 6066, section 3.
fn server_name(server: &str) -> Vec<u8> {
    extension(0, &length16(&[&[0][..], &length16(server.as_bytes())].concat()))
}

/// X25519 alone: the groups, a share of it, and a signature algorithm.
fn groups_and_shares() -> Vec<u8> {
    let share = [&[0, 29][..], &length16(&[7; 32])].concat();
    [extension(10, &[0, 2, 0, 29]), extension(51, &length16(&share)), extension(13, &[0, 2, 4, 3])]
        .concat()
}

fn extension(number: u16, data: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &length16(data)].concat()
}

/// Data behind its length, in two bytes.
fn length16(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], data].concat()
}
