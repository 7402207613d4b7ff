//! The strings of a flow that are asked for most.

use std::borrow::Cow;
use std::ffi::c_char;

use ndpi_sys::flow as field;
use ndpi_sys::types::ProtocolStack;

use super::Flow;
use crate::text;

impl<E: crate::HoldsEngine> Flow<E> {
    /// The name of the host that the client speaks to, or asks for: TLS and QUIC server name, HTTP
    /// host, DNS question (`host_server_name`). Of names longer than 79 bytes nDPI keeps the end.
    pub fn hostname(&self) -> Option<Cow<'_, str>> {
        text::in_array(self.bytes(field::HOST_NAME))
    }

    /// The client's JA4 fingerprint, where the flow is TLS, DTLS or QUIC (`ja4_client`).
    pub fn ja4(&self) -> Option<Cow<'_, str>> {
        if self.is_tls_like() { text::in_array(self.bytes(field::tls::JA4_CLIENT)) } else { None }
    }

    /// The application protocols that the client offers, separated by commas, where the flow is
    /// TLS, DTLS or QUIC (`advertised_alpns`).
    pub fn alpn(&self) -> Option<Cow<'_, str>> {
        if self.is_tls_like() { self.string(field::tls::ADVERTISED_ALPNS) } else { None }
    }

    /// Whether the union of protocol data holds what TLS leaves there: whether master or
    /// application is TLS, DTLS, QUIC or a protocol over TLS (`ndpi_stack_is_tls_like`).
    ///
    /// Asked of these two and not of the whole protocol stack, since it is by them that the
    /// library decides to free the strings in the union. What holds for freeing holds for reading.
    pub(crate) fn is_tls_like(&self) -> bool {
        let [app, master] = self.read(field::DETECTED);
        let mut stack = ProtocolStack { count: 2, ..ProtocolStack::default() };
        stack.protocols[..2].copy_from_slice(&[master, app]);
        // SAFETY: the function reads the stack that it is given.
        unsafe { (self.engine.functions().stack_is_tls_like)(&raw mut stack) }
    }

    /// The string that a field points to.
    pub(crate) fn string(&self, field: field::Field<*const c_char>) -> Option<Cow<'_, str>> {
        // SAFETY: the library's strings are NUL-terminated and belong to the flow; they stay as
        // they are until the next call that changes it, which takes a unique borrow.
        unsafe { text::borrowed(self.read(field)) }
    }

    /// The bytes of an array in the flow.
    pub(crate) fn bytes<const SIZE: usize>(
        &self,
        field: field::Field<[c_char; SIZE]>,
    ) -> &[u8; SIZE] {
        // SAFETY: the flow is live and the field within it; it is not dissected while borrowed;
        // a `c_char` is a byte.
        unsafe { field.address(self.pointer).cast::<[u8; SIZE]>().as_ref() }
    }
}
