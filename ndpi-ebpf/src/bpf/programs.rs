//! The entry points.

use aya_ebpf::macros::{classifier, raw_tracepoint, xdp};
use aya_ebpf::programs::{RawTracePointContext, TcContext, XdpContext};

use super::atomic;
use super::clock;
use super::frame::{SkbFrame, XdpFrame};
use super::handle::handle;
use super::ingress;
use super::maps::LOST;
use super::slow_path::Layer;

/// Sees every packet that comes in, before the stack does.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(super) fn ndpi_xdp(context: XdpContext) -> u32 {
    handle(XdpFrame::new(context.ctx), Layer::Link).cast_unsigned()
}

/// Sees every packet that goes out.
#[classifier]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(super) fn ndpi_tc(context: TcContext) -> i32 {
    handle(SkbFrame::new(context.skb.skb), Layer::Link)
}

/// Sees what comes in where XDP runs in the stack, behind it: restores what generic XDP makes the kernel
/// forget, and on the end of a wire sends packets out of the other. From here they keep what the stack
/// and the sender have merged, which generic XDP refuses to redirect.
#[classifier]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(super) fn ndpi_ingress(context: TcContext) -> i32 {
    ingress::pass_on(context.skb.skb)
}

/// As [`ndpi_xdp`], on interfaces without a link header.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(super) fn ndpi_xdp_l3(context: XdpContext) -> u32 {
    handle(XdpFrame::new(context.ctx), Layer::Network).cast_unsigned()
}

/// As [`ndpi_tc`], on interfaces without a link header.
#[classifier]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(super) fn ndpi_tc_l3(context: TcContext) -> i32 {
    handle(SkbFrame::new(context.skb.skb), Layer::Network)
}

/// Reads the kernel's clocks for user space; attached to nothing.
#[classifier]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(super) fn ndpi_clock(context: TcContext) -> i32 {
    clock::read_into(context.skb.skb)
}

/// Counts every frame that could not be redirected: the interface was down, the frame was too long
/// for it, or its driver does not take such frames. The XDP program cannot know; it has ended before.
#[raw_tracepoint(tracepoint = "xdp_redirect_err")]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(super) fn ndpi_lost(context: RawTracePointContext) -> i32 {
    // `TP_PROTO(dev, xdp, tgt, err, map_type, map_id, index)` in `include/trace/events/xdp.h`.
    const MAP_ID: usize = 5;
    if let Some(frames) = LOST.get_ptr_mut(context.arg::<u32>(MAP_ID)) {
        // SAFETY: looked up just now; an aligned word that only this program changes.
        unsafe { atomic::add(frames, 1) };
    }
    0
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
