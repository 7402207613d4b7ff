//! Programs that are none of ours.

use std::os::fd::{AsRawFd as _, OwnedFd};

use crate::bpf::call::{self, Place, load_classifier, load_named};
use crate::bpf::code::{XDP_PASS, answer, counting};

/// An XDP program named `stranger` that passes everything; it is gone with the descriptor.
pub(crate) fn stranger() -> OwnedFd {
    load_named(*b"stranger\0\0\0\0\0\0\0\0", &answer(XDP_PASS)).unwrap()
}

/// A TC program of somebody else at an interface's egress, by tcx: it counts packets and gives them
/// all the same answer. It goes with its value.
pub(crate) struct Counting {
    count: OwnedFd,
    _link: OwnedFd,
}

impl Counting {
    pub(crate) fn attach(ifindex: u32, place: Place, answer: i32) -> Self {
        let count = call::number().unwrap();
        let program = counting(count.as_raw_fd(), answer);
        let program = load_classifier(*b"neighbour\0\0\0\0\0\0\0", &program).unwrap();
        Self { _link: call::attach_tcx(&program, ifindex, place).unwrap(), count }
    }

    /// Packets that it has seen.
    pub(crate) fn seen(&self) -> u64 {
        call::read_number(&self.count).unwrap()
    }
}
