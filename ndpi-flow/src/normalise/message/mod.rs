//! The first message of a TCP stream, as a server would read it: a TLS client hello or the head of an HTTP request.
//!
//! nDPI looks for the name that a client asks for in the packet and the record that it expects it in. A
//! server takes the bytes as they come, however they are cut.

mod head;
mod host_lines;
mod http;
mod kind;
mod long_hello;
mod server_name;
mod tls;

pub(super) use kind::{Message, Whole};
pub(super) use long_hello::LongHello;
pub(super) use server_name::long_server_name;

/// Reads the first bytes of a stream.
pub(super) fn read(bytes: &[u8]) -> Message {
    match bytes.first() {
        None => Message::Unfinished,
        Some(&(tls::HANDSHAKE | tls::ALERT)) => tls::read(bytes),
        Some(_) => http::read(bytes),
    }
}

/// The same bytes of the head of a request without what is of no interest; `None` where they are no such head, or
/// nothing can be left out.
pub(super) fn shorten(bytes: &[u8]) -> Option<Vec<u8>> {
    head::shorten(bytes)
}

/// Reads the first bytes of a stream of which no more can be kept: what names its server may be there all the
/// same.
pub(super) fn read_beginning(bytes: &[u8]) -> Message {
    if bytes.first() == Some(&tls::HANDSHAKE) {
        tls::read(bytes)
    } else {
        http::read_beginning(bytes)
    }
}
