//! The table of nDPI's functions.

use std::ffi::{c_char, c_int, c_uint, c_ushort, c_void};

use libloading::os::unix::Library as Handle;

use crate::types::{
    AlignedMalloc, Calloc, ConfigResult, Flow, Free, GlobalContext, InputInfo, LruCacheStats,
    Malloc, MasterApp, Module, Protocol, ProtocolStack, Realloc, RiskInfo, Serializer,
};

macro_rules! functions {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)+) => {
        /// nDPI's functions under their C names without `ndpi_`, with the signatures of 5.0
        /// (`ndpi_api.h`). What is `*const` here is not written to by the library; what is `*mut
        /// c_char` really is, even where it looks like an input.
        #[derive(Clone, Debug)]
        pub struct Functions {
            $(
                $(#[$meta])*
                pub $name: unsafe extern "C" fn($($arg: $type),*) $(-> $result)?,
            )+
        }

        impl Functions {
            /// Every symbol that is looked up, with its `ndpi_`.
            pub const SYMBOLS: &'static [&'static str] =
                &[$(concat!("ndpi_", stringify!($name))),+];

            /// Looks up every symbol; the error is the name of the first that is missing.
            ///
            /// # Safety
            ///
            /// The library must be nDPI 5.0, and stay loaded for as long as the table is used.
            pub(crate) unsafe fn resolve(library: &Handle) -> Result<Self, &'static str> {
                Ok(Self {
                    $($name: {
                        const SYMBOL: &str = concat!("ndpi_", stringify!($name));
                        // SAFETY: the type is the function's in nDPI 5.0, which the caller
                        // promises; the pointer is copied out under the same promise to keep the
                        // library loaded.
                        unsafe { library.get(SYMBOL) }.map(|found| *found).map_err(|_| SYMBOL)?
                    },)+
                })
            }
        }
    };
}

functions! {
    // The library.
    /// The release, such as `5.0.0-1-375f99e`.
    fn revision() -> *const c_char;
    /// A number that says nothing of the ABI.
    fn get_api_version() -> u16;
    /// The version of libgcrypt, built in or linked.
    fn get_gcrypt_version() -> *const c_char;
    /// Bytes of a flow.
    fn detection_get_sizeof_ndpi_flow_struct() -> u32;
    /// Bytes of a module, without what it points to.
    fn get_ndpi_detection_module_size() -> c_uint;
    /// Bytes ever allocated, but for flows; never decreases, and wraps.
    fn get_tot_allocated_memory() -> u32;
    /// Replaces the allocator; before any other call. The name is spelt so in C.
    fn set_memory_alloction_functions(
        malloc: Malloc, free: Free, calloc: Calloc, realloc: Realloc,
        aligned_malloc: Option<AlignedMalloc>, aligned_free: Option<Free>,
        flow_malloc: Option<Malloc>, flow_free: Option<Free>,
    );

    // Modules.
    /// Makes a global context; null where memory is short.
    fn global_init() -> *mut GlobalContext;
    /// Frees a global context, after all of its modules.
    fn global_deinit(context: *mut GlobalContext);
    /// Makes a module; null where memory is short. Never two at once.
    fn init_detection_module(context: *mut GlobalContext) -> *mut Module;
    /// Ends the configuration; 0 is success.
    fn finalize_initialization(module: *mut Module) -> c_int;
    /// Frees a module, after all of its flows.
    fn exit_detection_module(module: *mut Module);
    /// Sets a knob; a `constants::CONFIG_*`.
    fn set_config(
        module: *mut Module, protocol: *const c_char, key: *const c_char, value: *const c_char,
    ) -> ConfigResult;
    /// Reads a knob into the buffer; null where there is none.
    fn get_config(
        module: *mut Module, protocol: *const c_char, key: *const c_char,
        buffer: *mut c_char, size: c_int,
    ) -> *mut c_char;

    // Flows.
    /// Memory for a flow, not zeroed.
    fn flow_malloc(size: usize) -> *mut Flow;
    /// Frees a flow and what it points to.
    fn flow_free(flow: *mut Flow);
    /// Frees what a flow points to.
    fn free_flow_data(flow: *mut Flow);
    /// Dissects one packet, given from its IP header on.
    fn detection_process_packet(
        module: *mut Module, flow: *mut Flow, packet: *const u8, length: c_ushort, time_ms: u64,
        info: *mut InputInfo,
    ) -> Protocol;
    /// Ends the dissection of a flow: what can be guessed is guessed.
    fn detection_giveup(module: *mut Module, flow: *mut Flow) -> Protocol;
    /// Sets a flow's risk. `info` may be null.
    fn set_risk(module: *mut Module, flow: *mut Flow, risk: c_uint, info: *mut c_char);
    /// Takes a flow's risk back.
    fn unset_risk(module: *mut Module, flow: *mut Flow, risk: c_uint);
    /// Applies the masks of the flow's host name and addresses to its risks.
    fn handle_risk_exceptions(module: *mut Module, flow: *mut Flow);

    // Names and lists.
    /// Number of protocols, after finalization.
    fn get_num_protocols(module: *mut Module) -> c_uint;
    /// Writes `Master.App`.
    fn protocol2name(
        module: *mut Module, protocol: MasterApp, buffer: *mut c_char, size: c_uint,
    ) -> *mut c_char;
    /// The name of one protocol.
    fn get_proto_name(module: *mut Module, id: u16) -> *const c_char;
    /// The protocol of a name such as `YouTube`; 0 where there is none.
    fn get_proto_by_name(module: *const Module, name: *const c_char) -> u16;
    /// The protocol of a name such as `TLS.YouTube`; both 0 where there is none.
    fn get_protocol_by_name(module: *mut Module, name: *const c_char) -> MasterApp;
    /// The number of a custom protocol in a protocols file (`@Name=number`) for its number in the
    /// module; any other number as it is.
    fn map_ndpi_id_to_user_proto_id(module: *mut Module, id: u16) -> u16;
    /// The other way round.
    fn map_user_proto_id_to_ndpi_id(module: *mut Module, id: u16) -> u16;
    /// The category of a result.
    fn get_proto_category(module: *mut Module, protocol: Protocol) -> c_uint;
    /// The breed of a protocol.
    fn get_proto_breed(module: *mut Module, id: u16) -> c_uint;
    /// The name of a breed.
    fn get_proto_breed_name(breed: c_uint) -> *const c_char;
    /// The name of a category.
    fn category_get_name(module: *mut Module, category: c_uint) -> *const c_char;
    /// Renames a category (one of the five custom ones).
    fn category_set_name(module: *mut Module, category: c_uint, name: *mut c_char);
    /// The name of a confidence.
    fn confidence_get_name(confidence: c_uint) -> *const c_char;
    /// The name of a confidence of the first packet's classification.
    fn fpc_confidence_get_name(confidence: c_uint) -> *const c_char;
    /// What a risk means, for a person.
    fn risk2str(risk: c_uint) -> *const c_char;
    /// A risk's symbol.
    fn risk2code(risk: c_uint) -> *const c_char;
    /// A risk's entry in the table of risks; null where there is none.
    fn risk2severity(risk: c_uint) -> *const RiskInfo;
    /// A severity's name.
    fn severity2str(severity: c_uint) -> *const c_char;
    /// The score of a set of risks, and the client's and the server's part of it.
    fn risk2score(risks: u64, client: *mut u16, server: *mut u16) -> u16;
    /// Whether a protocol came from a protocols file.
    fn is_custom_protocol(module: *mut Module, id: u16) -> bool;
    /// Whether a protocol or pair means encrypted traffic.
    fn is_encrypted_proto(module: *mut Module, protocol: MasterApp) -> u8;
    /// Writes a protocol stack as text.
    fn stack2str(
        module: *mut Module, stack: *mut ProtocolStack, buffer: *mut c_char, size: c_uint,
    ) -> *mut c_char;
    /// Whether the flow's union holds what TLS leaves there.
    fn stack_is_tls_like(stack: *mut ProtocolStack) -> bool;
    /// Whether the flow holds what HTTP leaves there.
    fn stack_is_http_like(stack: *mut ProtocolStack) -> bool;
    /// A TLS cipher's name; `unknown` is used where it has none.
    fn cipher2str(cipher: u32, unknown: *mut c_char) -> *const c_char;
    /// Writes a TLS version's name.
    fn ssl_version2str(
        buffer: *mut c_char, size: c_int, version: u16, unknown: *mut u8,
    ) -> *mut c_char;
    /// Writes a QUIC version's name.
    fn quic_version2str(buffer: *mut c_char, size: c_int, version: u32) -> *mut c_char;
    /// An HTTP method's name.
    fn http_method2str(method: c_uint) -> *const c_char;
    /// The name of the operating system that a TCP fingerprint speaks of.
    fn print_os_hint(os: u8) -> *const c_char;
    /// The name of a kind of LRU cache.
    fn lru_cache_idx_to_name(kind: c_uint) -> *const c_char;
    /// Statistics of an LRU cache; 0 is success.
    fn get_lru_cache_stats(
        context: *mut GlobalContext, module: *mut Module, kind: c_uint, stats: *mut LruCacheStats,
    ) -> c_int;

    // Rules. Below 0 is an error, else 0 or a number of entries.
    /// Custom protocols.
    fn load_protocols_file(module: *mut Module, path: *const c_char) -> c_int;
    /// Networks of protocols, a file each, named `<protocol>_<label>.<extension>`.
    fn load_protocols_dir(module: *mut Module, path: *mut c_char) -> c_int;
    /// Custom categories.
    fn load_categories_file(
        module: *mut Module, path: *const c_char, userdata: *mut c_void,
    ) -> c_int;
    /// Domains of one category.
    fn load_category_file(module: *mut Module, path: *mut c_char, category: c_uint) -> c_int;
    /// Domains of categories, a file each, named `<category>_<label>.<extension>`.
    fn load_categories_dir(module: *mut Module, path: *mut c_char) -> c_int;
    /// JA4 fingerprints of malware.
    fn load_malicious_ja4_file(module: *mut Module, path: *const c_char) -> c_int;
    /// SHA-1 of certificates of malware.
    fn load_malicious_sha1_file(module: *mut Module, path: *const c_char) -> c_int;
    /// Risky domains.
    fn load_risk_domain_file(module: *mut Module, path: *const c_char) -> c_int;
    /// The public suffix list.
    fn load_domain_suffixes(module: *mut Module, path: *mut c_char) -> c_int;
    /// Fingerprints of TCP stacks.
    fn load_tcp_fingerprint_file(module: *mut Module, path: *const c_char) -> c_int;
    /// The category and breed of a host name and of all below it.
    fn load_hostname_category(
        module: *mut Module, name: *const c_char, category: c_uint, breed: c_uint,
    ) -> c_int;
    /// The category of a network.
    fn load_ip_category(
        module: *mut Module, network: *const c_char, category: c_uint, userdata: *mut c_void,
    ) -> c_int;
    /// Risks that count for a host name; all others are masked out.
    fn add_host_risk_mask(module: *mut Module, host: *mut c_char, mask: u64) -> c_int;
    /// Risks that count for a network; all others are masked out.
    fn add_ip_risk_mask(module: *mut Module, network: *mut c_char, mask: u64) -> c_int;
    /// A certificate's issuer that raises no risk.
    fn add_trusted_issuer_dn(module: *mut Module, dn: *mut c_char) -> c_int;

    // JSON.
    /// Prepares a serializer; 0 is success.
    fn init_serializer(serializer: *mut Serializer, format: c_uint) -> c_int;
    /// Frees what a serializer holds.
    fn term_serializer(serializer: *mut Serializer);
    /// What was written so far; lives until the serializer is changed.
    fn serializer_get_buffer(serializer: *mut Serializer, length: *mut u32) -> *const c_char;
    /// Writes what is known of a flow, but for its endpoints.
    fn dpi2json(
        module: *mut Module, flow: *mut Flow, protocol: Protocol, serializer: *mut Serializer,
    ) -> c_int;
    /// Writes what is known of a flow after its endpoints. Addresses and ports are in network byte
    /// order.
    fn flow2json(
        module: *mut Module, flow: *mut Flow, ip_version: u8, l4: u8, vlan: u16,
        src_v4: u32, dst_v4: u32, src_v6: *const c_void, dst_v6: *const c_void,
        src_port: u16, dst_port: u16, protocol: Protocol, serializer: *mut Serializer,
    ) -> c_int;
}
