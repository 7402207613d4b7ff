//! Metadata that nDPI reads from a flow's packets, copied out of the flow.

mod dns;
mod http;
mod ssh;
mod tls;

use std::ffi::c_char;

use ndpi_sys::flow as field;

pub use dns::{Dns, DnsAddress, DnsResponse};
pub use http::Http;
pub use ssh::Ssh;
pub use tls::{Certificate, Quic, Tls};

use crate::{Flow, text};

/// What nDPI read out of a flow's packets: values of its own, which outlive the flow.
///
/// Only what the flow's protocol says to be there is there: nDPI keeps the data of different
/// protocols in the same place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// See [`Flow::hostname`].
    pub hostname: Option<String>,
    /// TLS, DTLS, QUIC, and mail and file transfer over TLS.
    pub tls: Option<Tls>,
    /// HTTP in clear.
    pub http: Option<Http>,
    /// DNS, mDNS and LLMNR.
    pub dns: Option<Dns>,
    /// SSH.
    pub ssh: Option<Ssh>,
    /// The client's TCP stack, where its SYN was seen.
    pub tcp: Option<TcpFingerprint>,
    /// nDPI's own fingerprint of the client, over TCP and TLS (`ndpi.fingerprint`).
    pub ndpi_fingerprint: Option<String>,
    /// Entropy of the first payload in bits per byte, 0 to 8, where it was computed
    /// (`dpi.compute_entropy`).
    pub entropy: Option<f32>,
    /// What exactly raised a risk: its number and a text, where nDPI has one (`risk_infos`).
    pub risk_details: Vec<(u8, String)>,
}

/// A fingerprint of a TCP stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpFingerprint {
    /// The fingerprint (`tcp.fingerprint`).
    pub fingerprint: String,
    /// The operating system that it is known of (`ndpi_print_os_hint`).
    pub system: Option<String>,
}

impl<E: crate::HoldsEngine> Flow<E> {
    /// Copies all that nDPI read out of the packets so far. Complete once the flow is
    /// [`State::Classified`](crate::State::Classified).
    pub fn metadata(&self) -> Metadata {
        Metadata {
            hostname: self.hostname().map(Into::into),
            tls: self.tls(),
            http: self.http(),
            dns: self.dns(),
            ssh: self.ssh(),
            tcp: self.tcp_fingerprint(),
            ndpi_fingerprint: self.text(field::NDPI_FINGERPRINT),
            entropy: Some(self.read(field::ENTROPY)).filter(|&entropy| entropy > 0.0),
            risk_details: self.risk_details(),
        }
    }

    /// The client's TCP stack, where its SYN was seen (`tcp.fingerprint`). Part of [`metadata`](Self::metadata).
    pub fn tcp_fingerprint(&self) -> Option<TcpFingerprint> {
        let fingerprint = self.text(field::TCP_FINGERPRINT)?;
        let system = match u8::try_from(self.read(field::TCP_OS_HINT)) {
            Ok(0) | Err(_) => None,
            // SAFETY: the function takes any number and returns a constant string.
            Ok(hint) => Some(unsafe { text::owned((self.functions().print_os_hint)(hint)) }),
        };
        Some(TcpFingerprint { fingerprint, system })
    }

    fn risk_details(&self) -> Vec<(u8, String)> {
        let count = usize::from(self.read(field::RISK_INFO_COUNT));
        let detail = |info: &ndpi_sys::types::RiskInformation| {
            // SAFETY: the library's strings are NUL-terminated and belong to the flow, which is
            // borrowed; the text is copied at once.
            let text = unsafe { text::owned(info.info) };
            u8::try_from(info.id).ok().map(|id| (id, text)).filter(|(_, text)| !text.is_empty())
        };
        self.read(field::RISK_INFOS).iter().take(count).filter_map(detail).collect()
    }

    /// A copy of the string that a field points to.
    fn text(&self, field: field::Field<*const c_char>) -> Option<String> {
        self.string(field).map(Into::into)
    }

    /// A copy of the string in an array.
    fn array<const SIZE: usize>(&self, field: field::Field<[c_char; SIZE]>) -> Option<String> {
        text::in_array(self.bytes(field)).map(Into::into)
    }

    /// The parts of a string that are separated by commas.
    fn list(&self, field: field::Field<*const c_char>) -> Vec<String> {
        let text = self.string(field).unwrap_or_default();
        text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }
}
