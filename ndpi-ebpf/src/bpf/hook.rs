//! The hooks, XDP at ingress and TC at egress, and where they differ.

use core::ffi::c_void;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_REDIRECT};
use aya_ebpf::bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC};
use ndpi_common::parse::{Head, Link, Tags};
use ndpi_common::{Disposition, Hook, REJECT_MARK, Reason, Watched};

use super::frame::{SkbFrame, XdpFrame};
use super::maps::{INTERFACES, PEERS};
use super::settings;

/// A packet in the hands of a program.
pub(super) trait Hooked: Head + Copy {
    /// Where it is seen.
    const HOOK: Hook;
    /// What lets a packet go on: to the next program where the hook may have several, then to the
    /// stack or the wire.
    const PASS: i32;

    /// The kernel's context.
    fn context(self) -> *mut c_void;

    /// The index of the interface it came in on (XDP) or goes out on (TC).
    fn ifindex(self) -> u32;

    /// The largest payload of a segment when it is segmented later, else 0.
    fn segment_size(self) -> u32;

    /// Where parsing starts, unless it is with an Ethernet header at offset 0: the hardware may
    /// have taken a tag off.
    fn start(self) -> Option<Link>;

    /// Whether user space sent the packet to tell an end that its flow is rejected: it passes whatever
    /// the verdict is.
    fn is_answer(self) -> bool;

    /// Whether it came in on a watched interface before, and goes out now: XDP has seen it, though
    /// maybe under other addresses.
    fn is_forwarded(self) -> bool;

    /// Copies `len` bytes at `at` to `to`.
    ///
    /// # Safety
    /// `to` is valid for writes of `len` bytes.
    unsafe fn copy_to(self, at: u32, to: *mut c_void, len: u32) -> bool;

    /// Where a packet goes that passes: it may be redirected, or dropped because the other end of the
    /// wire is gone.
    fn routed(self, disposition: Disposition) -> Disposition;

    /// The answer to the kernel.
    fn action(disposition: Disposition) -> i32;
}

impl Hooked for XdpFrame {
    const HOOK: Hook = Hook::Xdp;
    const PASS: i32 = XDP_PASS.cast_signed();

    #[inline(always)]
    fn context(self) -> *mut c_void {
        self.context.cast()
    }

    #[inline(always)]
    fn ifindex(self) -> u32 {
        // SAFETY: the kernel's context of this run.
        unsafe { (*self.context).ingress_ifindex }
    }

    #[inline(always)]
    fn segment_size(self) -> u32 {
        0
    }

    #[inline(always)]
    fn start(self) -> Option<Link> {
        None
    }

    #[inline(always)]
    fn is_answer(self) -> bool {
        false
    }

    #[inline(always)]
    fn is_forwarded(self) -> bool {
        false
    }

    #[inline(always)]
    unsafe fn copy_to(self, at: u32, to: *mut c_void, len: u32) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.copy(at, to, len) }
    }

    #[inline(always)]
    fn routed(self, disposition: Disposition) -> Disposition {
        match disposition {
            Disposition::Pass(reason) if settings::has_peers() => through(self.ifindex(), reason),
            _ => disposition,
        }
    }

    #[inline(always)]
    fn action(disposition: Disposition) -> i32 {
        match disposition {
            Disposition::Pass(_) | Disposition::RedirectAtTc(_) => Self::PASS,
            Disposition::Drop(_) => XDP_DROP.cast_signed(),
            Disposition::Redirect(_) => XDP_REDIRECT.cast_signed(),
        }
    }
}

/// Sends a frame that came in on `ifindex` out of the interface's peer, if it is the end of a wire.
#[inline(always)]
fn through(ifindex: u32, reason: Reason) -> Disposition {
    if PEERS.redirect(ifindex, 0).is_ok() {
        return Disposition::Redirect(reason);
    }
    match peer(ifindex) {
        Watched::PLAIN => Disposition::Pass(reason),
        Watched::CUT => Disposition::Drop(Reason::NoPeer),
        // `ingress` sends it on, which can take what the stack has merged.
        _ => Disposition::RedirectAtTc(reason),
    }
}

/// What `INTERFACES` has for an interface.
#[inline(always)]
pub(super) fn peer(ifindex: u32) -> u32 {
    // SAFETY: looked up just now; an aligned word that user space writes whole.
    INTERFACES.get_ptr(ifindex).map_or(Watched::PLAIN, |peer| unsafe { *peer })
}

impl Hooked for SkbFrame {
    const HOOK: Hook = Hook::Tc;
    // `TCX_NEXT` by its older name. After `TC_ACT_OK` the kernel would run no program or filter behind
    // this one (`tcx_run` and `cls_bpf_classify`), whatever an operator has put there.
    const PASS: i32 = TC_ACT_UNSPEC;

    #[inline(always)]
    fn context(self) -> *mut c_void {
        self.context.cast()
    }

    #[inline(always)]
    fn ifindex(self) -> u32 {
        // SAFETY: the kernel's context of this run.
        unsafe { (*self.context).ifindex }
    }

    #[inline(always)]
    fn segment_size(self) -> u32 {
        // SAFETY: the kernel's context of this run.
        unsafe { (*self.context).gso_size }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "EtherTypes and tags have 16 bits")]
    fn start(self) -> Option<Link> {
        // SAFETY: the kernel's context of this run.
        let (present, tci) =
            unsafe { ((*self.context).vlan_present, (*self.context).vlan_tci as u16) };
        if present == 0 {
            return None;
        }
        let [a, b] = ndpi_common::parse::Source::load(&self, 12)?;
        let ethertype = u16::from_be_bytes([a, b]);
        let link = Link::bare(ethertype, ndpi_common::parse::ETHERNET_LEN);
        Some(Link { tags: Tags::one(tci), ..link })
    }

    #[inline(always)]
    fn is_answer(self) -> bool {
        // SAFETY: the kernel's context of this run.
        unsafe { (*self.context).mark == REJECT_MARK }
    }

    #[inline(always)]
    fn is_forwarded(self) -> bool {
        // SAFETY: the kernel's context of this run.
        let ingress = unsafe { (*self.context).ingress_ifindex };
        ingress != 0 && INTERFACES.get_ptr(ingress).is_some()
    }

    #[inline(always)]
    unsafe fn copy_to(self, at: u32, to: *mut c_void, len: u32) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.copy(at, to, len) }
    }

    #[inline(always)]
    fn routed(self, disposition: Disposition) -> Disposition {
        disposition
    }

    #[inline(always)]
    fn action(disposition: Disposition) -> i32 {
        match disposition {
            Disposition::Drop(_) => TC_ACT_SHOT,
            // Only XDP redirects.
            Disposition::Pass(_) | Disposition::Redirect(_) | Disposition::RedirectAtTc(_) => {
                Self::PASS
            }
        }
    }
}
