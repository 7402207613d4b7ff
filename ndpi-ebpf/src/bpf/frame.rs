//! Access to a packet's bytes: the one place that compares with the packet's end.

use core::arch::asm;
use core::ffi::c_void;
use core::mem::MaybeUninit;

use aya_ebpf::bindings::{__sk_buff, xdp_md};
use aya_ebpf::helpers::{bpf_skb_load_bytes, bpf_xdp_get_buff_len, bpf_xdp_load_bytes};
use ndpi_common::parse::{Head, Source, View};

use super::settings;

/// A frame at XDP.
#[derive(Clone, Copy)]
pub(super) struct XdpFrame {
    pub(super) context: *mut xdp_md,
}

/// A packet at TC.
#[derive(Clone, Copy)]
pub(super) struct SkbFrame {
    pub(super) context: *mut __sk_buff,
}

/// The first bytes of a packet, which were found to be there.
#[derive(Clone, Copy)]
pub(super) struct Checked {
    start: *const u8,
    len: usize,
}

impl XdpFrame {
    #[inline(always)]
    pub(super) fn new(context: *mut xdp_md) -> Self {
        Self { context }
    }

    #[inline(always)]
    fn bounds(self) -> (usize, usize) {
        // SAFETY: the kernel's context of this run; it rewrites both loads.
        unsafe { ((*self.context).data as usize, (*self.context).data_end as usize) }
    }

    /// Copies `len` bytes at `at` to `to`.
    ///
    /// # Safety
    /// `to` is valid for writes of `len` bytes.
    #[inline(always)]
    pub(super) unsafe fn copy(self, at: u32, to: *mut c_void, len: u32) -> bool {
        // SAFETY: the kernel checks `at` against the frame; the caller vouches for `to`.
        unsafe { bpf_xdp_load_bytes(self.context, at, to, len) == 0 }
    }
}

impl SkbFrame {
    #[inline(always)]
    pub(super) fn new(context: *mut __sk_buff) -> Self {
        Self { context }
    }

    #[inline(always)]
    fn bounds(self) -> (usize, usize) {
        // SAFETY: the kernel's context of this run; it rewrites both loads.
        unsafe { ((*self.context).data as usize, (*self.context).data_end as usize) }
    }

    /// As [`XdpFrame::copy`].
    ///
    /// # Safety
    /// `to` is valid for writes of `len` bytes.
    #[inline(always)]
    pub(super) unsafe fn copy(self, at: u32, to: *mut c_void, len: u32) -> bool {
        // SAFETY: the kernel checks `at` against the packet; the caller vouches for `to`.
        unsafe { bpf_skb_load_bytes(self.context.cast(), at, to, len) == 0 }
    }
}

impl Source for XdpFrame {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "frames are far below 4 GiB")]
    fn len(&self) -> u32 {
        // SAFETY: the kernel's context of this run. All buffers of a frame count.
        unsafe { bpf_xdp_get_buff_len(self.context) as u32 }
    }

    #[inline(always)]
    fn load<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        // Zeros first would be a call, and a call takes from the stack.
        let mut bytes = MaybeUninit::<[u8; N]>::uninit();
        // SAFETY: `bytes` has the length that is written.
        let there = unsafe { self.copy(at, bytes.as_mut_ptr().cast(), length(N)) };
        // SAFETY: written whole where the kernel says that it was there.
        there.then(|| unsafe { bytes.assume_init() })
    }

    #[inline(always)]
    fn forget(&self, value: u32) -> u32 {
        settings::forget(value)
    }
}

impl Source for SkbFrame {
    #[inline(always)]
    fn len(&self) -> u32 {
        // SAFETY: the kernel's context of this run.
        unsafe { (*self.context).len }
    }

    #[inline(always)]
    fn load<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        // Zeros first would be a call, and a call takes from the stack.
        let mut bytes = MaybeUninit::<[u8; N]>::uninit();
        // SAFETY: `bytes` has the length that is written.
        let there = unsafe { self.copy(at, bytes.as_mut_ptr().cast(), length(N)) };
        // SAFETY: written whole where the kernel says that it was there.
        there.then(|| unsafe { bytes.assume_init() })
    }

    #[inline(always)]
    fn forget(&self, value: u32) -> u32 {
        settings::forget(value)
    }
}

impl Head for XdpFrame {
    type View = Checked;

    #[inline(always)]
    fn head(&self, len: usize) -> Option<Checked> {
        check(self.bounds(), len)
    }

    #[inline(always)]
    fn together(&self) -> u32 {
        together(self.bounds())
    }
}

impl Head for SkbFrame {
    type View = Checked;

    #[inline(always)]
    fn head(&self, len: usize) -> Option<Checked> {
        check(self.bounds(), len)
    }

    #[inline(always)]
    fn together(&self) -> u32 {
        together(self.bounds())
    }
}

#[inline(always)]
fn check((start, end): (usize, usize), len: usize) -> Option<Checked> {
    if start + len > end { None } else { Some(Checked { start: start as *const u8, len }) }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "frames are far below 4 GiB")]
fn together((start, end): (usize, usize)) -> u32 {
    (end - start) as u32
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "header lengths, below 100")]
const fn length(bytes: usize) -> u32 {
    bytes as u32
}

/// Reads a word of the packet. In assembly, because packets are aligned to nothing and the compiler
/// would take a misaligned word apart into bytes; the kernel only loads the program where the
/// processor can read it whole.
macro_rules! read {
    ($checked:expr, $at:expr, $len:literal, $load:literal) => {{
        let Checked { start, len } = $checked;
        // Between constants: it leaves no code.
        assert!($at < len && $len <= len - $at);
        let word: u64;
        // SAFETY: `len` bytes were compared with the packet's end, and these are among them.
        unsafe {
            asm!(
                concat!("{word} = *(", $load, " *)({start} + {at})"),
                word = lateout(reg) word,
                start = in(reg) start,
                at = const $at,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        word
    }};
}

#[expect(clippy::cast_possible_truncation, reason = "the words have the size of what was read")]
impl View for Checked {
    #[inline(always)]
    fn skip(self, len: usize) -> Self {
        assert!(len <= self.len);
        // SAFETY: within the bytes that were compared with the packet's end.
        Self { start: unsafe { self.start.add(len) }, len: self.len - len }
    }

    #[inline(always)]
    fn byte<const AT: usize>(self) -> u8 {
        read!(self, AT, 1, "u8") as u8
    }

    #[inline(always)]
    fn be16<const AT: usize>(self) -> u16 {
        u16::from_be(read!(self, AT, 2, "u16") as u16)
    }

    #[inline(always)]
    fn four<const AT: usize>(self) -> [u8; 4] {
        (read!(self, AT, 4, "u32") as u32).to_ne_bytes()
    }

    #[inline(always)]
    fn sixteen<const AT: usize>(self) -> [u8; 16] {
        let low = u128::from(read!(self, AT, 8, "u64"));
        let high = u128::from(read!(self, AT + 8, 8, "u64"));
        // As the words lie in memory: the target's byte order.
        if cfg!(target_endian = "little") {
            (high << 64 | low).to_ne_bytes()
        } else {
            (low << 64 | high).to_ne_bytes()
        }
    }
}
