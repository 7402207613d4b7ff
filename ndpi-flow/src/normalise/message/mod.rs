//! The first message of a TCP stream, as a server would read it: a TLS client hello or an HTTP request.
//!
//! nDPI looks for the name that a client asks for in the packet and the record that it expects it in. A
//! server takes the bytes as they come, however they are cut.

mod http;
mod kind;
mod tls;

pub(super) use kind::Message;

/// Reads the first bytes of a stream.
pub(super) fn read(bytes: &[u8]) -> Message {
    match bytes.first() {
        None => Message::Unfinished,
        Some(&tls::HANDSHAKE) => tls::read(bytes),
        Some(_) => http::read(bytes),
    }
}
