//! A program that gives every packet another client address and calls the one that is measured.
//!
//! A test run repeats one packet. To measure with many flows, this puts random bits into the last
//! bytes of the source address and goes on with a tail call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use testkit::bpf::call;
use testkit::bpf::code::{
    ADD_IMMEDIATE, AND_IMMEDIATE, CALL, EXIT, IF_EQUAL_IMMEDIATE, IF_GREATER, LOAD_32, LOAD_64,
    LOAD_MAP, MAP_LOOKUP, MOVE, MOVE_IMMEDIATE, OR_IMMEDIATE, RANDOM, STORE_32, STORE_IMMEDIATE_32,
    TAIL_CALL, TO_BIG_ENDIAN, XDP_ABORTED, XDP_DROP, XDP_PASS, aim, answer, code,
};

/// A program that lets every packet pass at once.
pub(crate) fn empty() -> io::Result<OwnedFd> {
    call::load(&answer(XDP_PASS))
}

/// A program that looks up the four bytes at offset `at` in `table` ([`call::lookup_table`]) and
/// drops what it finds: what a hash map alone costs, whatever the program around it does.
pub(crate) fn lookup(table: BorrowedFd<'_>, at: u8) -> io::Result<OwnedFd> {
    let at = i16::from(at);
    let mut program = vec![
        code(LOAD_32, 2, 1, 0, 0),
        code(LOAD_32, 3, 1, 4, 0),
        code(MOVE, 4, 2, 0, 0),
        code(ADD_IMMEDIATE, 4, 0, 0, i32::from(at) + 4),
        code(IF_GREATER, 4, 3, 0, 0),
        code(LOAD_32, 5, 2, at, 0),
        code(STORE_32, 10, 5, -16, 0),
        code(STORE_IMMEDIATE_32, 10, 0, -12, 0),
        code(STORE_IMMEDIATE_32, 10, 0, -8, 0),
        code(STORE_IMMEDIATE_32, 10, 0, -4, 0),
        code(MOVE, 2, 10, 0, 0),
        code(ADD_IMMEDIATE, 2, 0, 0, -16),
        code(LOAD_MAP, 1, 1, 0, table.as_raw_fd()),
        code(0, 0, 0, 0, 0),
        code(CALL, 0, 0, 0, MAP_LOOKUP),
        code(IF_EQUAL_IMMEDIATE, 0, 0, 0, 0),
        // The number is zero, which the kernel does not know: the answer waits for memory.
        code(LOAD_64, 0, 0, 0, 0),
        code(ADD_IMMEDIATE, 0, 0, 0, XDP_DROP),
        code(EXIT, 0, 0, 0, 0),
    ];
    let end = program.len();
    for jump in [4, 15] {
        aim(&mut program, jump, end);
    }
    program.extend(answer(XDP_ABORTED));
    call::load(&program)
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
