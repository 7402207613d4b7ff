//! The numbers of nDPI 5.0's enumerations (`ndpi_typedefs.h`, `ndpi_define.h`) that are used here.

/// `NDPI_STATE_INSPECTING`.
pub const STATE_INSPECTING: u32 = 0;
/// `NDPI_STATE_PARTIAL`.
pub const STATE_PARTIAL: u32 = 1;
/// `NDPI_STATE_MONITORING`.
pub const STATE_MONITORING: u32 = 2;
/// `NDPI_STATE_CLASSIFIED`.
pub const STATE_CLASSIFIED: u32 = 3;

/// `NDPI_IN_PKT_DIR_UNKNOWN`.
pub const DIRECTION_UNKNOWN: u8 = 0;
/// `NDPI_IN_PKT_DIR_C_TO_S`.
pub const DIRECTION_TO_SERVER: u8 = 1;
/// `NDPI_IN_PKT_DIR_S_TO_C`.
pub const DIRECTION_TO_CLIENT: u8 = 2;

/// `NDPI_FLOW_BEGINNING_UNKNOWN`.
pub const BEGINNING_UNKNOWN: u8 = 0;
/// `NDPI_FLOW_BEGINNING_SEEN`.
pub const BEGINNING_SEEN: u8 = 1;
/// `NDPI_FLOW_BEGINNING_NOT_SEEN`.
pub const BEGINNING_NOT_SEEN: u8 = 2;

/// `NDPI_CONFIDENCE_DPI`.
pub const CONFIDENCE_DPI: u32 = 6;

/// `NDPI_CFG_OK`: what `ndpi_set_config()` returns on success.
pub const CONFIG_OK: i32 = 0;
/// `NDPI_CFG_INVALID_CONTEXT`.
pub const CONFIG_INVALID_CONTEXT: i32 = -1;
/// `NDPI_CFG_NOT_FOUND`: no such key.
pub const CONFIG_NOT_FOUND: i32 = -2;
/// `NDPI_CFG_INVALID_PARAM`: the key does not take this value.
pub const CONFIG_INVALID_VALUE: i32 = -3;
/// `NDPI_CFG_CONTEXT_ALREADY_INITIALIZED`: the module is finalized.
pub const CONFIG_FINALIZED: i32 = -4;
/// `NDPI_CFG_CALLBACK_ERROR`: the value makes no sense here, such as a global scope without a
/// global context.
pub const CONFIG_REJECTED: i32 = -5;

/// `NDPI_MAX_RISK`: risks are numbered from 0 (`NDPI_NO_RISK`) to one below.
pub const MAX_RISK: u8 = 57;

/// `ndpi_serialization_format_json`.
pub const FORMAT_JSON: u32 = 2;

/// `NDPI_LRUCACHE_MAX`: the kinds of LRU caches are numbered from 0 to one below.
pub const LRU_CACHES: u32 = 8;

/// `NDPI_HTTP_METHOD_GET`.
pub const HTTP_METHOD_GET: u32 = 2;

/// `NDPI_PROTOCOL_DNS`.
pub const PROTOCOL_DNS: u16 = 5;
/// `NDPI_PROTOCOL_MDNS`.
pub const PROTOCOL_MDNS: u16 = 8;
/// `NDPI_PROTOCOL_SSH`.
pub const PROTOCOL_SSH: u16 = 92;
/// `NDPI_PROTOCOL_LLMNR`.
pub const PROTOCOL_LLMNR: u16 = 154;

/// `NDPI_PROTOCOL_NUM_BREEDS`: breeds are numbered from 0 to one below.
pub const BREEDS: u32 = 8;
