//! TLS records with a client's hello, or that look like an answer to one.

/// The content type of handshake records (RFC 8446, section 5.1).
pub const HANDSHAKE: u8 = 22;
/// That of records with data.
pub const DATA: u8 = 23;

/// `bytes` behind their length, a number of so many bytes.
fn counted(width: usize, bytes: &[u8]) -> Vec<u8> {
    [&bytes.len().to_be_bytes()[size_of::<usize>() - width..], bytes].concat()
}

/// The message of a client's hello (RFC 8446, section 4.1.2) that names a server (RFC 6066).
pub fn message(name: &str) -> Vec<u8> {
    let name = counted(2, &[&[0], &counted(2, name.as_bytes())[..]].concat());
    let extensions = counted(2, &[&[0, 0], &counted(2, &name)[..]].concat());
    let suites = counted(2, &[0x13, 1, 0x13, 2, 0xc0, 0x2f]);
    let body = [&[3, 3], &[7; 32][..], &[0], &suites, &[1, 0], &extensions].concat();
    [&[1], &counted(3, &body)[..]].concat()
}

/// A record of this type.
pub fn record(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1], &counted(2, bytes)[..]].concat()
}

/// A hello in one record.
pub fn hello(name: &str) -> Vec<u8> {
    record(HANDSHAKE, &message(name))
}

/// A hello in records of so many bytes.
pub fn in_records(name: &str, size: usize) -> Vec<u8> {
    message(name).chunks(size).flat_map(|part| record(HANDSHAKE, part)).collect()
}

/// What a server says first, as far as that it is one.
pub fn answer() -> Vec<u8> {
    [record(HANDSHAKE, &[2, 0, 0, 2, 3, 3]), record(DATA, &[9; 40])].concat()
}
