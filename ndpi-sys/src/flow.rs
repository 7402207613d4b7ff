//! Where things are in `struct ndpi_flow_struct` of nDPI 5.0.0.
//!
//! The structure is never mirrored: flows are allocated at the size that the library says, and the
//! few fields that have no accessor in the C API are read at the offsets below. They were taken
//! from the type information in a build of the 5.0 tag (revision `5.0.0-1-375f99e`, x86-64,
//! default options) and hold for every LP64 target with natural alignment; the load-time
//! self-test reads through them before anything else does.

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::types::{FirstPacket, Flow, ProtocolStack, RiskInformation};

/// `sizeof(struct ndpi_flow_struct)`.
pub const SIZE: usize = 1208;

/// A field of the flow structure: its type and its offset in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Field<T> {
    offset: usize,
    _type: PhantomData<fn() -> T>,
}

impl<T: Copy> Field<T> {
    const fn at(offset: usize) -> Self {
        assert!(offset + size_of::<T>() <= SIZE, "the field is within the flow");
        assert!(offset.is_multiple_of(align_of::<T>()), "the field is aligned");
        Self { offset, _type: PhantomData }
    }

    /// Bytes from the start of the flow.
    pub const fn offset(self) -> usize {
        self.offset
    }

    /// Reads the field.
    ///
    /// # Safety
    ///
    /// `flow` must be a live flow of a library that passed the load-time checks, and no dissecting
    /// call may run on it at the same time. Fields in [`dns`], [`tls`] and [`ssh`] overlap: they
    /// mean something only where the flow's protocol says so.
    #[inline]
    pub unsafe fn read(self, flow: NonNull<Flow>) -> T {
        // SAFETY: the flow has SIZE bytes and at least pointer alignment (it came from the
        // library's allocator), and the offset was checked against both when this constant was
        // made; the library zeroes or writes every field with plain integers, pointers and arrays
        // of them, for which any bits are a value.
        unsafe { flow.cast::<u8>().add(self.offset).cast::<T>().read() }
    }

    /// The address of the field, for arrays that are not to be copied as a whole.
    ///
    /// # Safety
    ///
    /// As for [`read`](Self::read).
    #[inline]
    pub unsafe fn address(self, flow: NonNull<Flow>) -> NonNull<T> {
        // SAFETY: within the flow's allocation, see `read`.
        unsafe { flow.cast::<u8>().add(self.offset).cast::<T>() }
    }
}

/// `detected_protocol_stack`: the application first, then the master.
pub const DETECTED: Field<[u16; 2]> = Field::at(0);
/// `protocol_stack`.
pub const STACK: Field<ProtocolStack> = Field::at(4);
/// `state`.
pub const STATE: Field<u32> = Field::at(24);
/// `guessed_protocol_id_by_ip`.
pub const GUESSED_BY_IP: Field<u16> = Field::at(30);
/// `l4_proto`: the IP protocol number.
pub const L4_PROTOCOL: Field<u8> = Field::at(36);
/// Holds `protocol_was_guessed`, see [`WAS_GUESSED`].
pub const GUESS_BITS: Field<u8> = Field::at(37);
/// The bit of [`GUESS_BITS`] that is `protocol_was_guessed`.
pub const WAS_GUESSED: u8 = 1 << 7;
/// Holds `already_gaveup`, see [`GAVE_UP`].
pub const GIVEUP_BITS: Field<u8> = Field::at(38);
/// The bit of [`GIVEUP_BITS`] that is `already_gaveup`.
pub const GAVE_UP: u8 = 1 << 0;
/// `custom_category_userdata`.
pub const CUSTOM_CATEGORY_USERDATA: Field<*mut c_void> = Field::at(40);
/// `confidence`.
pub const CONFIDENCE: Field<u32> = Field::at(52);
/// `fpc`.
pub const FIRST_PACKET: Field<FirstPacket> = Field::at(56);
/// `num_processed_pkts`: packets dissected, up to the library's limit.
pub const PROCESSED_PACKETS: Field<u16> = Field::at(102);
/// `category`.
pub const CATEGORY: Field<u32> = Field::at(120);
/// `breed`.
pub const BREED: Field<u32> = Field::at(124);
/// `entropy` of the first payload, bits per byte; 0 where it was not computed.
pub const ENTROPY: Field<f32> = Field::at(272);
/// `host_server_name`, NUL-terminated: the SNI, the HTTP host or the DNS name.
pub const HOST_NAME: Field<[c_char; 80]> = Field::at(276);
/// `risk`: a bit per `ndpi_risk_enum`.
pub const RISKS: Field<u64> = Field::at(376);
/// `risk_infos`.
pub const RISK_INFOS: Field<[RiskInformation; 8]> = Field::at(392);
/// `num_risk_infos`: how many of them are in use.
pub const RISK_INFO_COUNT: Field<u8> = Field::at(520);
/// `tcp.fingerprint` of the client's SYN.
pub const TCP_FINGERPRINT: Field<*const c_char> = Field::at(528);
/// `tcp.os_hint`: the operating system that the fingerprint speaks of.
pub const TCP_OS_HINT: Field<u32> = Field::at(544);
/// `ndpi.fingerprint`: nDPI's own, over TCP and TLS fingerprints.
pub const NDPI_FINGERPRINT: Field<*const c_char> = Field::at(552);

/// `http`, outside of the union: filled in for HTTP and whatever looks like it.
pub mod http {
    use super::{Field, c_char};

    /// `method`.
    pub const METHOD: Field<u32> = Field::at(560);
    /// `response_status_code`; 0 where no response was seen.
    pub const STATUS: Field<u16> = Field::at(566);
    /// `url`: host and path.
    pub const URL: Field<*const c_char> = Field::at(568);
    /// `content_type` of the response.
    pub const CONTENT_TYPE: Field<*const c_char> = Field::at(576);
    /// `request_content_type`.
    pub const REQUEST_CONTENT_TYPE: Field<*const c_char> = Field::at(584);
    /// `user_agent`.
    pub const USER_AGENT: Field<*const c_char> = Field::at(592);
    /// `server`.
    pub const SERVER: Field<*const c_char> = Field::at(600);
    /// `referer`.
    pub const REFERER: Field<*const c_char> = Field::at(608);
}

/// `protos.dns`: valid where DNS (or mDNS, LLMNR) is the master or application protocol.
pub mod dns {
    use super::Field;

    /// `num_queries`.
    pub const QUERIES: Field<u8> = Field::at(896);
    /// `num_answers`.
    pub const ANSWERS: Field<u8> = Field::at(897);
    /// `reply_code`.
    pub const REPLY_CODE: Field<u8> = Field::at(898);
    /// `num_rsp_addr`: how many of [`ADDRESSES`] are in use.
    pub const ADDRESS_COUNT: Field<u8> = Field::at(899);
    /// Bit 0 is `is_query`: no response was seen.
    pub const QUERY_BITS: Field<u8> = Field::at(900);
    /// `transaction_id`.
    pub const TRANSACTION: Field<u16> = Field::at(902);
    /// `query_type`.
    pub const QUERY_TYPE: Field<u16> = Field::at(904);
    /// `rsp_type`.
    pub const RESPONSE_TYPE: Field<u16> = Field::at(908);
    /// `is_rsp_addr_ipv6`, one for each address.
    pub const ADDRESS_IS_V6: Field<[u8; 4]> = Field::at(912);
    /// `rsp_addr`, in network byte order; IPv4 in the first four bytes.
    pub const ADDRESSES: Field<[[u8; 16]; 4]> = Field::at(916);
    /// `rsp_addr_ttl`, seconds.
    pub const TTLS: Field<[u32; 4]> = Field::at(980);
}

/// `protos.tls_quic`: valid where TLS, QUIC or DTLS, or a protocol inside of them, was found.
pub mod tls {
    use super::{Field, c_char};

    /// `server_names` of the certificate, separated by commas.
    pub const SERVER_NAMES: Field<*const c_char> = Field::at(896);
    /// `advertised_alpns` of the client, separated by commas.
    pub const ADVERTISED_ALPNS: Field<*const c_char> = Field::at(904);
    /// `negotiated_alpn`, the server's choice.
    pub const NEGOTIATED_ALPN: Field<*const c_char> = Field::at(912);
    /// `tls_supported_versions` of the client, separated by commas.
    pub const SUPPORTED_VERSIONS: Field<*const c_char> = Field::at(920);
    /// `issuerDN`.
    pub const ISSUER: Field<*const c_char> = Field::at(928);
    /// `subjectDN`.
    pub const SUBJECT: Field<*const c_char> = Field::at(936);
    /// `notBefore`, seconds since 1970.
    pub const NOT_BEFORE: Field<u32> = Field::at(944);
    /// `notAfter`, seconds since 1970.
    pub const NOT_AFTER: Field<u32> = Field::at(948);
    /// `ja3_server`.
    pub const JA3_SERVER: Field<[c_char; 33]> = Field::at(952);
    /// `ja4_client`.
    pub const JA4_CLIENT: Field<[c_char; 37]> = Field::at(985);
    /// `server_cipher`.
    pub const SERVER_CIPHER: Field<u16> = Field::at(1032);
    /// `sha1_certificate_fingerprint`.
    pub const CERTIFICATE_SHA1: Field<[u8; 20]> = Field::at(1034);
    /// Bit 3 is `server_hello_processed`, bit 4 `fingerprint_set`.
    pub const PROGRESS_BITS: Field<u8> = Field::at(1054);
    /// The bit of [`PROGRESS_BITS`] that is `server_hello_processed`.
    pub const SERVER_HELLO_SEEN: u8 = 1 << 3;
    /// The bit of [`PROGRESS_BITS`] that is `fingerprint_set`.
    pub const CERTIFICATE_HASHED: u8 = 1 << 4;
    /// `ssl_version`.
    pub const VERSION: Field<u16> = Field::at(1056);
    /// `encrypted_ch.version`; 0 where the client hello was not encrypted.
    pub const ENCRYPTED_HELLO_VERSION: Field<u16> = Field::at(1060);
    /// `quic_version`; 0 where there is no QUIC.
    pub const QUIC_VERSION: Field<u32> = Field::at(1068);
    /// `quic_idle_timeout_sec`, as the client's transport parameters have it; 0 where unknown.
    pub const QUIC_IDLE_TIMEOUT: Field<u32> = Field::at(1072);
}

/// `protos.ssh`: valid where SSH was found.
pub mod ssh {
    use super::{Field, c_char};

    /// `client_signature`: the client's banner.
    pub const CLIENT_SIGNATURE: Field<[c_char; 48]> = Field::at(896);
    /// `server_signature`: the server's banner.
    pub const SERVER_SIGNATURE: Field<[c_char; 48]> = Field::at(944);
    /// `hassh_client`.
    pub const HASSH_CLIENT: Field<[c_char; 33]> = Field::at(992);
    /// `hassh_server`.
    pub const HASSH_SERVER: Field<[c_char; 33]> = Field::at(1025);
}
