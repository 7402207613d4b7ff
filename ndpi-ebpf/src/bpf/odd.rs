//! Messages about what should not happen, through aya-log at level debug; off unless the loader turns it on,
//! and even then no packet that is handled as usual reaches one. The verifier follows each value that a
//! message has through all of the programs: there are none.

use aya_ebpf::EbpfContext;
use aya_log_ebpf::debug;

use super::hook::Hooked;

struct Context(*mut core::ffi::c_void);

impl EbpfContext for Context {
    fn as_ptr(&self) -> *mut core::ffi::c_void {
        self.0
    }
}

/// A worker has no ring: user space made rings for fewer workers than it said there are.
#[inline(never)]
pub(super) fn no_ring<H: Hooked>(frame: H) -> i32 {
    debug!(&Context(frame.context()), "a worker has no ring");
    0
}

/// The bytes that the parser found could not be copied.
#[inline(never)]
pub(super) fn not_copied<H: Hooked>(frame: H) -> i32 {
    debug!(&Context(frame.context()), "cannot copy a packet's bytes");
    0
}
