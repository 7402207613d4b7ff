//! TLS, DTLS and QUIC.

use ndpi_sys::flow::tls as field;

use crate::{Flow, text};

/// What the handshakes of TLS, DTLS and QUIC say. Settings `tls,metadata.*` switch parts of it off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The name of the server that the client asked for, in lower case (SNI).
    pub server_name: Option<String>,
    /// The version: the client's offer, then the server's choice; `TLSv1.3`, `DTLSv1.2`
    /// (`ndpi_ssl_version2str`).
    pub version: Option<String>,
    /// The versions that the client offers, newest first as a rule.
    pub supported_versions: Vec<String>,
    /// The application protocols that the client offers (ALPN).
    pub offered_alpns: Vec<String>,
    /// The application protocol that the server chose.
    pub chosen_alpn: Option<String>,
    /// The cipher that the server chose (`ndpi_cipher2str`).
    pub cipher: Option<String>,
    /// The client's JA4 fingerprint.
    pub ja4: Option<String>,
    /// The server's JA3 fingerprint.
    pub ja3s: Option<String>,
    /// The version of an encrypted client hello; its inner server name stays hidden.
    pub encrypted_hello: Option<u16>,
    /// The server's certificate, where it is sent in clear (up to TLS 1.2).
    pub certificate: Option<Certificate>,
    /// What is particular to QUIC.
    pub quic: Option<Quic>,
}

/// A server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Distinguished name of the subject.
    pub subject: Option<String>,
    /// Distinguished name of the issuer.
    pub issuer: Option<String>,
    /// The hosts that it is for.
    pub names: Vec<String>,
    /// Valid from, in seconds since 1970.
    pub not_before: Option<u32>,
    /// Valid until, in seconds since 1970.
    pub not_after: Option<u32>,
    /// SHA-1 of the whole certificate.
    pub sha1: Option<[u8; 20]>,
}

/// What is particular to QUIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quic {
    /// The version, as on the wire.
    pub version: u32,
    /// Its name: `V-1`, `Q046`, `Draft-29` (`ndpi_quic_version2str`).
    pub version_name: String,
    /// After how many seconds without packets the client gives a connection up.
    pub idle_timeout: Option<u32>,
}

impl<E: crate::HoldsEngine> Flow<E> {
    /// What the handshakes say; `None` for flows that are not TLS, DTLS or QUIC. Part of
    /// [`metadata`](Self::metadata).
    pub fn tls(&self) -> Option<Tls> {
        if !self.is_tls_like() {
            return None;
        }
        let tls = Tls {
            server_name: self.hostname().map(Into::into),
            version: self.tls_version(),
            supported_versions: self.list(field::SUPPORTED_VERSIONS),
            offered_alpns: self.list(field::ADVERTISED_ALPNS),
            chosen_alpn: self.text(field::NEGOTIATED_ALPN),
            cipher: self.cipher(),
            ja4: self.array(field::JA4_CLIENT),
            ja3s: self.array(field::JA3_SERVER),
            encrypted_hello: nonzero(self.read(field::ENCRYPTED_HELLO_VERSION)),
            certificate: self.certificate(),
            quic: self.quic(),
        };
        // Nothing at all where only the port or the address said so.
        (tls != Tls::default()).then_some(tls)
    }

    fn certificate(&self) -> Option<Certificate> {
        let hashed = self.read(field::PROGRESS_BITS) & field::CERTIFICATE_HASHED != 0;
        let certificate = Certificate {
            subject: self.text(field::SUBJECT),
            issuer: self.text(field::ISSUER),
            names: self.list(field::SERVER_NAMES),
            not_before: nonzero(self.read(field::NOT_BEFORE)),
            not_after: nonzero(self.read(field::NOT_AFTER)),
            sha1: hashed.then(|| self.read(field::CERTIFICATE_SHA1)),
        };
        (certificate != Certificate::default()).then_some(certificate)
    }

    fn tls_version(&self) -> Option<String> {
        let version = nonzero(self.read(field::VERSION))?;
        let function = self.functions().ssl_version2str;
        let mut unknown = 0;
        // SAFETY: the function writes a string within the buffer's size, and a flag that outlives
        // the call.
        Some(unsafe {
            text::written::<32>(|buffer, size| {
                function(buffer, size.cast_signed(), version, &raw mut unknown);
            })
        })
    }

    fn cipher(&self) -> Option<String> {
        let cipher = nonzero(self.read(field::SERVER_CIPHER))?;
        let mut unknown = [0; 8];
        // SAFETY: the function returns a constant string, or writes at most eight bytes into the
        // buffer and returns that; the text is copied while the buffer is there.
        Some(unsafe {
            text::owned((self.functions().cipher2str)(cipher.into(), unknown.as_mut_ptr()))
        })
    }

    fn quic(&self) -> Option<Quic> {
        let version = nonzero(self.read(field::QUIC_VERSION))?;
        let function = self.functions().quic_version2str;
        // SAFETY: the function writes a string within the buffer's size.
        let version_name = unsafe {
            text::written::<32>(|buffer, size| {
                function(buffer, size.cast_signed(), version);
            })
        };
        let idle_timeout = nonzero(self.read(field::QUIC_IDLE_TIMEOUT));
        Some(Quic { version, version_name, idle_timeout })
    }
}

/// nDPI leaves 0 where it knows nothing.
fn nonzero<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}
