//! A program that is none of ours.

use std::os::fd::OwnedFd;

use crate::bpf::call::load_named;
use crate::bpf::code::{XDP_PASS, answer};

/// An XDP program named `stranger` that passes everything; it is gone with the descriptor.
pub(crate) fn stranger() -> OwnedFd {
    load_named(*b"stranger\0\0\0\0\0\0\0\0", &answer(XDP_PASS)).unwrap()
}
