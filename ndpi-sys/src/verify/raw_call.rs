//! Calling the dissecting function without trusting the size of what it returns.

use std::ffi::c_ushort;
use std::ops::Range;

use crate::types::{Flow, InputInfo, Module};
use crate::{Functions, types};

/// What the result's memory holds before the call.
const CANARY: u8 = 0xa5;

/// The bytes of a `Protocol` that hold nothing.
const PADDING: Range<usize> = size_of::<types::Protocol>() - 4..size_of::<types::Protocol>();

/// Room for the result: several times what any release of nDPI returned.
#[repr(C, align(16))]
pub(super) struct RawResult([u8; 256]);

impl RawResult {
    /// Bytes up to the last one that was written. The padding at the end of a `Protocol` may be
    /// left alone and so is not looked at: it counts as written where what is before it was.
    pub(super) fn written(&self) -> usize {
        let written = |&place: &usize| !PADDING.contains(&place) && self.0[place] != CANARY;
        match (0..self.0.len()).rev().find(written) {
            None => 0,
            Some(last) if last + 1 == PADDING.start => PADDING.end,
            Some(last) => last + 1,
        }
    }

    /// The result, to be looked at once [`written`](Self::written) is its size.
    pub(super) fn protocol(&self) -> types::Protocol {
        // SAFETY: there are more bytes here than a `Protocol` has, aligned to 16, and any bits are
        // a value of its integers and its pointer.
        unsafe { std::ptr::from_ref(self).cast::<types::Protocol>().read() }
    }
}

/// `ndpi_detection_process_packet()` with room for a larger result than it should have.
///
/// # Safety
///
/// `module` is finalized, `flow` a flow of it.
pub(super) unsafe fn process(
    functions: &Functions,
    module: *mut Module,
    flow: *mut Flow,
    packet: &[u8],
    time_ms: u64,
) -> RawResult {
    let mut result = RawResult([CANARY; 256]);
    let length = c_ushort::try_from(packet.len()).unwrap_or(c_ushort::MAX);
    // SAFETY: the caller's promise, a packet of at least `length` bytes, and a result that is
    // larger than what any release returns.
    unsafe { call(functions, &mut result, module, flow, packet.as_ptr(), length, time_ms) };
    result
}

/// By the System V ABI a structure of more than 16 bytes is returned where a hidden first argument
/// points to, so this is the same call with the hidden argument in sight.
#[cfg(target_arch = "x86_64")]
unsafe fn call(
    functions: &Functions,
    result: &mut RawResult,
    module: *mut Module,
    flow: *mut Flow,
    packet: *const u8,
    length: c_ushort,
    time_ms: u64,
) {
    type Process = unsafe extern "C" fn(
        result: *mut RawResult,
        module: *mut Module,
        flow: *mut Flow,
        packet: *const u8,
        length: c_ushort,
        time_ms: u64,
        info: *mut InputInfo,
    ) -> *mut RawResult;
    // SAFETY: both are pointers to the same function under the same calling convention, see above.
    let process = unsafe {
        std::mem::transmute::<*const (), Process>(functions.detection_process_packet as *const ())
    };
    // SAFETY: the caller's promise; the information on the packet may be null.
    unsafe { process(result, module, flow, packet, length, time_ms, std::ptr::null_mut()) };
}

/// By the AAPCS64 a structure of more than 16 bytes is returned where register x8 points to, which
/// no function type of Rust can say of a size that it does not know.
#[cfg(target_arch = "aarch64")]
unsafe fn call(
    functions: &Functions,
    result: &mut RawResult,
    module: *mut Module,
    flow: *mut Flow,
    packet: *const u8,
    length: c_ushort,
    time_ms: u64,
) {
    // SAFETY: the caller's promise; arguments are where the calling convention wants them, and
    // everything that a call may change is declared so.
    unsafe {
        std::arch::asm!(
            "blr {process}",
            process = in(reg) functions.detection_process_packet as *const (),
            in("x8") std::ptr::from_mut(result),
            in("x0") module,
            in("x1") flow,
            in("x2") packet,
            in("x3") u64::from(length),
            in("x4") time_ms,
            in("x5") std::ptr::null_mut::<InputInfo>(),
            clobber_abi("C"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: Range<usize>) -> usize {
        let mut result = RawResult([CANARY; 256]);
        result.0[bytes].fill(0);
        result.written()
    }

    #[test]
    fn what_was_written_is_counted_to_its_end() {
        assert_eq!(written(0..0), 0);
        assert_eq!(written(0..24), 24);
        assert_eq!(written(0..64), 64);
        assert_eq!(written(48..256), 256);
    }

    #[test]
    fn padding_may_be_written_or_not() {
        assert_eq!(written(0..52), 56);
        assert_eq!(written(0..56), 56);
        assert_eq!(written(0..57), 57);
        assert_eq!(written(52..56), 0);
    }
}
