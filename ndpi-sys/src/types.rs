//! The C types that cross the boundary (`ndpi_typedefs.h` of nDPI 5.0), under their Rust names.

use std::ffi::{c_char, c_int, c_void};
use std::marker::{PhantomData, PhantomPinned};

/// A type that only the library knows the inside of.
macro_rules! opaque {
    ($($(#[$meta:meta])* $name:ident;)+) => {
        $($(#[$meta])*
        #[repr(C)]
        pub struct $name {
            _inside: [u8; 0],
            // Neither Send, Sync nor Unpin: what may be done with it is the library's to say.
            _marker: PhantomData<(*mut u8, PhantomPinned)>,
        })+
    };
}

opaque! {
    /// `struct ndpi_detection_module_struct`.
    Module;
    /// `struct ndpi_global_context`.
    GlobalContext;
    /// `struct ndpi_flow_struct`; its fields are in [`flow`](crate::flow).
    Flow;
}

/// `ndpi_master_app_protocol`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MasterApp {
    /// The protocol that carries the application; 0 where there is none.
    pub master: u16,
    /// The application protocol; 0 is Unknown.
    pub app: u16,
}

/// Protocols in a [`ProtocolStack`] at most (`NDPI_MAX_NUM_STACK_PROTOCOLS` as laid out in 5.0).
pub const STACK_DEPTH: usize = 8;

/// `struct ndpi_proto_stack`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolStack {
    /// Protocol ids, the lowest layer first.
    pub protocols: [u16; STACK_DEPTH],
    /// How many of them are in use.
    pub count: u16,
}

/// `struct ndpi_fpc_info`: what the first packet alone said.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstPacket {
    /// The protocols.
    pub protocol: MasterApp,
    /// `ndpi_fpc_confidence_t`.
    pub confidence: u32,
}

/// `ndpi_protocol`, what the dissecting functions return by value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Master and application protocol.
    pub protocol: MasterApp,
    /// All protocols from the lowest layer up.
    pub stack: ProtocolStack,
    /// The protocol that the addresses alone would give.
    pub by_ip: u16,
    /// `ndpi_protocol_category_t`.
    pub category: u32,
    /// `ndpi_protocol_breed_t`.
    pub breed: u32,
    /// What the first packet alone said.
    pub first_packet: FirstPacket,
    /// The value given with a custom category.
    pub custom_category_userdata: *mut c_void,
    /// `enum ndpi_classification_state`.
    pub state: u32,
}

/// `struct ndpi_flow_input_info`. The library writes the direction it finds into
/// `packet_direction` where that was 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputInfo {
    /// `in_pkt_dir`, a `constants::DIRECTION_*`.
    pub packet_direction: u8,
    /// `seen_flow_beginning`, a `constants::BEGINNING_*`.
    pub flow_beginning: u8,
}

/// `struct ndpi_lru_cache_stats`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LruCacheStats {
    /// Entries written.
    pub inserted: u64,
    /// Look-ups.
    pub searched: u64,
    /// Look-ups that found something.
    pub found: u64,
}

/// `struct ndpi_risk_information`, an element of a flow's `risk_infos`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RiskInformation {
    /// `ndpi_risk_enum`.
    pub id: u32,
    /// What was seen, for a person to read; may be null.
    pub info: *mut c_char,
}

/// `ndpi_risk_info`, an entry of the table of known risks.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RiskInfo {
    /// `ndpi_risk_enum`.
    pub id: u32,
    /// `ndpi_risk_severity`.
    pub severity: u32,
    /// `risk_percentage`: how much of the score is the client's, in per cent.
    pub client_percentage: u32,
    /// `ndpi_risk_accountability`: 0 nobody, 1 the client, 2 the server, 3 both.
    pub accountability: u32,
}

/// `ndpi_serializer`, which the caller owns. C declares it with alignment 1 but keeps pointers in
/// it, hence the alignment here. It has 72 bytes; the rest is room for a library that was built
/// otherwise, since no load-time check sees this size.
#[repr(C, align(8))]
pub struct Serializer {
    _inside: [u8; 256],
}

impl Serializer {
    /// A serializer that `ndpi_init_serializer()` has still to be called on.
    pub const fn zeroed() -> Self {
        Self { _inside: [0; 256] }
    }
}

/// `malloc`-like.
pub type Malloc = unsafe extern "C" fn(size: usize) -> *mut c_void;
/// `free`-like.
pub type Free = unsafe extern "C" fn(pointer: *mut c_void);
/// `calloc`-like.
pub type Calloc = unsafe extern "C" fn(count: usize, size: usize) -> *mut c_void;
/// `realloc`-like.
pub type Realloc = unsafe extern "C" fn(pointer: *mut c_void, size: usize) -> *mut c_void;
/// `aligned_alloc`-like.
pub type AlignedMalloc = unsafe extern "C" fn(alignment: usize, size: usize) -> *mut c_void;

/// What `ndpi_set_config()` returns.
pub type ConfigResult = c_int;

const _: () = {
    use std::mem::{align_of, offset_of, size_of};
    assert!(size_of::<MasterApp>() == 4 && align_of::<MasterApp>() == 2);
    assert!(size_of::<ProtocolStack>() == 18 && align_of::<ProtocolStack>() == 2);
    assert!(size_of::<FirstPacket>() == 8);
    assert!(size_of::<Protocol>() == 56 && align_of::<Protocol>() == 8);
    assert!(offset_of!(Protocol, protocol) == 0);
    assert!(offset_of!(Protocol, stack) == 4);
    assert!(offset_of!(Protocol, by_ip) == 22);
    assert!(offset_of!(Protocol, category) == 24);
    assert!(offset_of!(Protocol, breed) == 28);
    assert!(offset_of!(Protocol, first_packet) == 32);
    assert!(offset_of!(Protocol, custom_category_userdata) == 40);
    assert!(offset_of!(Protocol, state) == 48);
    assert!(size_of::<InputInfo>() == 2);
    assert!(size_of::<LruCacheStats>() == 24);
    assert!(size_of::<RiskInformation>() == 16);
    assert!(size_of::<Serializer>() >= 72 && align_of::<Serializer>() == 8);
};
