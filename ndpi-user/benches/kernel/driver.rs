//! A program that gives every packet another client address and calls the one that is measured.
//!
//! A test run repeats one packet. To measure with many flows, this puts random bits into the last
//! bytes of the source address and goes on with a tail call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::bpf::call;
use crate::bpf::code::{
    ADD_IMMEDIATE, AND_IMMEDIATE, CALL, EXIT, IF_GREATER, LOAD_32, LOAD_MAP, MOVE, MOVE_IMMEDIATE,
    OR_IMMEDIATE, RANDOM, STORE_32, TAIL_CALL, TO_BIG_ENDIAN, XDP_PASS, answer, code,
};

/// A program that lets every packet pass at once.
pub(crate) fn empty() -> io::Result<OwnedFd> {
    call::load(&answer(XDP_PASS))
}

/// Writes `base | random & mask`, big-endian, at offset `at` of the packet, and calls entry 0 of
/// `calls`.
pub(crate) fn driver(calls: BorrowedFd<'_>, at: u8, base: u32, mask: u32) -> io::Result<OwnedFd> {
    let at = i16::from(at);
    call::load(&[
        code(MOVE, 6, 1, 0, 0),
        code(CALL, 0, 0, 0, RANDOM),
        code(AND_IMMEDIATE, 0, 0, 0, mask.cast_signed()),
        code(OR_IMMEDIATE, 0, 0, 0, base.cast_signed()),
        code(TO_BIG_ENDIAN, 0, 0, 0, 32),
        code(LOAD_32, 2, 6, 0, 0),
        code(LOAD_32, 3, 6, 4, 0),
        code(MOVE, 4, 2, 0, 0),
        code(ADD_IMMEDIATE, 4, 0, 0, i32::from(at) + 4),
        code(IF_GREATER, 4, 3, 1, 0),
        code(STORE_32, 2, 0, at, 0),
        code(MOVE, 1, 6, 0, 0),
        code(LOAD_MAP, 2, 1, 0, calls.as_raw_fd()),
        code(0, 0, 0, 0, 0),
        code(MOVE_IMMEDIATE, 3, 0, 0, 0),
        code(CALL, 0, 0, 0, TAIL_CALL),
        code(MOVE_IMMEDIATE, 0, 0, 0, 0),
        code(EXIT, 0, 0, 0, 0),
    ])
}
