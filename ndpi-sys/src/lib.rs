//! nDPI 5.0's symbols, resolved at run time from a shared library.
//!
//! nDPI is a C library whose structures change with every release and which most distributions do
//! not ship at all or ship in a release that cannot be mixed with this one. So nothing is linked:
//! [`Library::load`] looks for `libndpi.so.5`, resolves each function by name and refuses a library
//! whose layout is not the one written down in [`types`] and [`flow`] **before** anything is read
//! through it:
//!
//! 1. `ndpi_revision()` starts with [`SUPPORTED_REVISION`];
//! 2. every symbol in [`Functions`] is there;
//! 3. `ndpi_detection_get_sizeof_ndpi_flow_struct()` is [`flow::SIZE`];
//! 4. `ndpi_detection_process_packet()` returns exactly as many bytes as [`types::Protocol`] has;
//! 5. hand-made packets (HTTP, DNS, TLS), dissected in a scratch module, leave what they must
//!    leave where [`flow`] says it is.
//!
//! `ndpi_get_api_version()` takes no part in that: it counts commits, or holds the date of the
//! build.
//!
//! The crate is deliberately thin. What may be called when, by which thread, and how long a pointer
//! lives is the business of the `ndpi` crate above it.

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!("the layouts of nDPI 5.0 are known for 64-bit Linux on x86-64 and AArch64 only");

pub mod constants;
mod error;
pub mod flow;
mod functions;
mod library;
mod lock;
pub mod memory;
mod names;
#[doc(hidden)]
pub mod packets;
mod process;
mod search;
mod stdio;
mod trust;
pub mod types;
mod verify;

pub use error::{LoadError, write_with_causes};
pub use functions::Functions;
pub use library::Library;
pub use lock::module_lock;
pub use names::{LIBRARY_VARIABLE, SONAME};
pub use process::is_privileged;
pub use search::{Candidate, Search};
pub use stdio::c_output_to_stderr;
pub use trust::Distrust;

/// What `ndpi_revision()` of an acceptable library starts with.
pub const SUPPORTED_REVISION: &str = "5.0.";
