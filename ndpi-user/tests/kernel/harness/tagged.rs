//! Packets at TC whose tag is beside them, where the hardware and the stack keep it.
//!
//! A test run gives no packet such a tag. So a program of a few instructions puts it there, and goes on
//! with ours.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use aya::programs::SchedClassifier;
use ndpi_common::Hook;
use ndpi_common::names::program;
use testkit::bpf::call::{array_of, load_classifier, run_in};
use testkit::bpf::code::{
    CALL, EXIT, LOAD_MAP, MOVE, MOVE_IMMEDIATE, TAIL_CALL, TC_OK, VLAN_PUSH, code,
};

use super::{Answer, Kernel, read_answer};

impl Kernel {
    /// Runs the TC program on one packet with a tag beside it and a context (`struct __sk_buff`).
    pub(crate) fn run_tagged(&self, frame: &[u8], tci: u16, context: &[u8]) -> Answer {
        let program = self.ebpf.program(program::TC).expect("the TC program");
        let program: &SchedClassifier = program.try_into().expect("for TC");
        let calls = array_of(program.fd().expect("loaded").as_fd()).expect("an array of programs");
        let pusher = pusher(calls.as_fd(), tci).expect("the verifier takes it");
        let run = run_in(pusher.as_fd(), frame, context, 1).expect("a test run");
        read_answer(Hook::Tc, run.answer)
    }
}

/// A program that tags a packet and calls entry 0 of `calls`. Where it cannot, it answers what ours
/// never does.
fn pusher(calls: BorrowedFd<'_>, tci: u16) -> io::Result<OwnedFd> {
    let ethertype = i32::from(0x8100_u16.to_be());
    load_classifier(
        *b"tags_beside\0\0\0\0\0",
        &[
            code(MOVE, 6, 1, 0, 0),
            code(MOVE_IMMEDIATE, 2, 0, 0, ethertype),
            code(MOVE_IMMEDIATE, 3, 0, 0, tci.into()),
            code(CALL, 0, 0, 0, VLAN_PUSH),
            code(MOVE, 1, 6, 0, 0),
            code(LOAD_MAP, 2, 1, 0, calls.as_raw_fd()),
            code(0, 0, 0, 0, 0),
            code(MOVE_IMMEDIATE, 3, 0, 0, 0),
            code(CALL, 0, 0, 0, TAIL_CALL),
            code(MOVE_IMMEDIATE, 0, 0, 0, TC_OK),
            code(EXIT, 0, 0, 0, 0),
        ],
    )
}
