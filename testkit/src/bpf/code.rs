//! Instructions (`Documentation/bpf/standardization/instruction-set.rst`), as far as programs
//! are written by hand here.
#![allow(
    missing_docs,
    reason = "operations, helpers and answers have the names that the kernel gives them"
)]

/// An instruction (`struct bpf_insn`): operation, registers, offset, immediate.
pub fn code(operation: u8, to: u8, from: u8, offset: i16, immediate: i32) -> u64 {
    u64::from(operation)
        | u64::from(to) << 8
        | u64::from(from) << 12
        | u64::from(offset.cast_unsigned()) << 16
        | u64::from(immediate.cast_unsigned()) << 32
}

/// Sets the offset of a jump: from the instruction behind `jump` to the one at `target`.
pub fn aim(instructions: &mut [u64], jump: usize, target: usize) {
    let offset = i16::try_from(target - jump - 1).expect("programs here are short");
    instructions[jump] |= u64::from(offset.cast_unsigned()) << 16;
}

pub const LOAD_32: u8 = 0x61;
pub const LOAD_64: u8 = 0x79;
pub const STORE_8: u8 = 0x73;
pub const STORE_32: u8 = 0x63;
pub const STORE_64: u8 = 0x7b;
pub const STORE_IMMEDIATE_32: u8 = 0x62;
pub const MOVE: u8 = 0xbf;
pub const MOVE_IMMEDIATE: u8 = 0xb7;
pub const ADD_IMMEDIATE: u8 = 0x07;
pub const DIVIDE_IMMEDIATE: u8 = 0x37;
pub const MODULO_IMMEDIATE: u8 = 0x97;
pub const AND_IMMEDIATE: u8 = 0x57;
pub const OR: u8 = 0x4f;
pub const OR_IMMEDIATE: u8 = 0x47;
pub const SHIFT_LEFT_IMMEDIATE: u8 = 0x67;
pub const TO_BIG_ENDIAN: u8 = 0xdc;
pub const JUMP: u8 = 0x05;
pub const IF_GREATER: u8 = 0x2d;
pub const IF_EQUAL_IMMEDIATE: u8 = 0x15;
pub const IF_NOT_EQUAL_IMMEDIATE: u8 = 0x55;
pub const CALL: u8 = 0x85;
pub const EXIT: u8 = 0x95;
/// Takes two instructions, the second with all but the immediate zero.
pub const LOAD_MAP: u8 = 0x18;

/// Helpers (`enum bpf_func_id`).
pub const MAP_LOOKUP: i32 = 1;
pub const RANDOM: i32 = 7;
pub const TAIL_CALL: i32 = 12;
pub const VLAN_PUSH: i32 = 18;
pub const REDIRECT: i32 = 23;

/// What XDP programs answer (`enum xdp_action`).
pub const XDP_ABORTED: i32 = 0;
pub const XDP_DROP: i32 = 1;
pub const XDP_PASS: i32 = 2;

/// What TC programs answer (`TC_ACT_UNSPEC`, which is `TCX_NEXT`, and `TC_ACT_OK`).
pub const TC_NEXT: i32 = -1;
pub const TC_OK: i32 = 0;

/// A program that gives every packet the same answer, and counts them in a map of one number.
pub fn counting(map: i32, answer: i32) -> [u64; 12] {
    [
        code(STORE_IMMEDIATE_32, 10, 0, -4, 0),
        code(MOVE, 2, 10, 0, 0),
        code(ADD_IMMEDIATE, 2, 0, 0, -4),
        code(LOAD_MAP, 1, 1, 0, map),
        code(0, 0, 0, 0, 0),
        code(CALL, 0, 0, 0, MAP_LOOKUP),
        code(IF_EQUAL_IMMEDIATE, 0, 0, 3, 0),
        code(LOAD_64, 1, 0, 0, 0),
        code(ADD_IMMEDIATE, 1, 0, 0, 1),
        code(STORE_64, 0, 1, 0, 0),
        code(MOVE_IMMEDIATE, 0, 0, 0, answer),
        code(EXIT, 0, 0, 0, 0),
    ]
}

/// A program that gives every packet the same answer.
pub fn answer(answer: i32) -> [u64; 2] {
    [code(MOVE_IMMEDIATE, 0, 0, 0, answer), code(EXIT, 0, 0, 0, 0)]
}
