//! The entry points.

use aya_ebpf::macros::{classifier, xdp};
use aya_ebpf::programs::{TcContext, XdpContext};

use crate::decide::handle;
use crate::frame::{SkbFrame, XdpFrame};

/// Sees every packet that comes in, before the stack does.
#[xdp(frags)]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(crate) fn ndpi_xdp(context: XdpContext) -> u32 {
    handle(XdpFrame::new(context.ctx)).cast_unsigned()
}

/// Sees every packet that goes out.
#[classifier]
#[expect(clippy::needless_pass_by_value, reason = "the macro passes it so")]
pub(crate) fn ndpi_tc(context: TcContext) -> i32 {
    handle(SkbFrame::new(context.skb.skb))
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
