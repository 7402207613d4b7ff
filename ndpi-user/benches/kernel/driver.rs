//! A program that gives every packet another client address and calls the one that is measured.
//!
//! A test run repeats one packet. To measure with many flows, this puts random bits into the last
//! bytes of the source address and goes on with a tail call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::program;

/// An instruction (`struct bpf_insn`): operation, registers, offset, immediate.
fn code(operation: u8, to: u8, from: u8, offset: i16, immediate: i32) -> u64 {
    u64::from(operation)
        | u64::from(to) << 8
        | u64::from(from) << 12
        | u64::from(offset.cast_unsigned()) << 16
        | u64::from(immediate.cast_unsigned()) << 32
}

const LOAD_32: u8 = 0x61;
const STORE_32: u8 = 0x63;
const MOVE: u8 = 0xbf;
const MOVE_IMMEDIATE: u8 = 0xb7;
const ADD_IMMEDIATE: u8 = 0x07;
const AND_IMMEDIATE: u8 = 0x57;
const OR_IMMEDIATE: u8 = 0x47;
const TO_BIG_ENDIAN: u8 = 0xdc;
const IF_GREATER: u8 = 0x2d;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const LOAD_MAP: u8 = 0x18;
const TAIL_CALL: i32 = 12;
const RANDOM: i32 = 7;
const XDP_PASS: i32 = 2;

/// A program that lets every packet pass at once.
pub(crate) fn empty() -> io::Result<OwnedFd> {
    program::load(&[code(MOVE_IMMEDIATE, 0, 0, 0, XDP_PASS), code(EXIT, 0, 0, 0, 0)])
}

/// Writes `base | random & mask`, big-endian, at offset `at` of the packet, and calls entry 0 of
/// `calls`.
pub(crate) fn driver(calls: BorrowedFd<'_>, at: u8, base: u32, mask: u32) -> io::Result<OwnedFd> {
    let at = i16::from(at);
    program::load(&[
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
