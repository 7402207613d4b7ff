//! The way of a packet through a program: the fast path for the common form, else the slow path.

use ndpi_common::Reason;

use super::answer::NOT_COMMON;
use super::fast_path;
use super::hook::Hooked;
use super::slow_path::{Layer, exempt, slow_path};
use super::undecided;

/// Decides on a packet that begins with `first`.
#[inline(always)]
pub(super) fn handle<H: Hooked>(frame: H, first: Layer) -> i32 {
    if frame.is_answer() {
        return exempt(frame, Reason::Answer, first);
    }
    let answer = match first {
        Layer::Link => fast_path::link(frame),
        Layer::Network => fast_path::network(frame),
    };
    let answer = if answer == NOT_COMMON { slow_path(frame, first) } else { answer };
    undecided::go_on(frame, answer)
}
