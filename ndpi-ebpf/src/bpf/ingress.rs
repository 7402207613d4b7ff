//! TC at ingress, behind generic XDP.

use aya_ebpf::bindings::bpf_hdr_start_off::BPF_HDR_START_MAC;
use aya_ebpf::bindings::{__sk_buff, TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::helpers::generated::{
    bpf_redirect, bpf_skb_change_head, bpf_skb_load_bytes, bpf_skb_load_bytes_relative,
    bpf_skb_store_bytes,
};
use ndpi_common::Watched;

use super::atomic;
use super::hook::peer;
use super::maps::LOST;

/// An Ethernet header, as it is in the packet.
type Header = [u16; 7];
const HEADER_LEN: u32 = 14;
const _: () = assert!(size_of::<Header>() == HEADER_LEN as usize);

/// What becomes of a packet that XDP has seen: it goes on up, or out of the other end of the wire.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the helper returns an action, TC_ACT_*")]
pub(super) fn pass_on(skb: *mut __sk_buff) -> i32 {
    restore_header(skb);
    // SAFETY: the kernel's context of this run.
    match peer(unsafe { (*skb).ifindex }) {
        Watched::PLAIN => TC_ACT_UNSPEC,
        Watched::CUT => lose(),
        // SAFETY: the helper takes any number and says no to those that are no interface.
        peer => unsafe { bpf_redirect(peer, 0) as i32 },
    }
}

/// Gives the packet its Ethernet header back, if generic XDP has made the kernel forget it: since Linux
/// 6.9, copies that it makes for programs which take fragments do not know the header's length
/// (`mac_len` is not among what `skb_copy_header` copies). TC would show its programs a packet that
/// begins with the IP header, and redirect it so.
#[inline(always)]
fn restore_header(skb: *mut __sk_buff) {
    let (mut header, mut front): (Header, Header) = ([0; 7], [0; 7]);
    // SAFETY: both have room for what is copied to them, and `skb` is the kernel's context.
    let failed = unsafe {
        bpf_skb_load_bytes_relative(
            skb.cast(),
            0,
            (&raw mut header).cast(),
            HEADER_LEN,
            BPF_HDR_START_MAC,
        ) | bpf_skb_load_bytes(skb.cast(), 0, (&raw mut front).cast(), HEADER_LEN)
    };
    if failed != 0 || header == front {
        return;
    }
    // SAFETY: as above; what was loaded of the packet before is not used any more.
    unsafe {
        if bpf_skb_change_head(skb, HEADER_LEN, 0) == 0 {
            bpf_skb_store_bytes(skb, 0, (&raw const header).cast(), HEADER_LEN, 0);
        }
    }
}

/// Drops a packet whose wire was cut since XDP counted it as redirected.
#[inline(always)]
fn lose() -> i32 {
    if let Some(frames) = LOST.get_ptr_mut(0) {
        // SAFETY: looked up just now; an aligned word that only programs change, all atomically.
        unsafe { atomic::add(frames, 1) };
    }
    TC_ACT_SHOT
}
