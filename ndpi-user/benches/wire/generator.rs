//! Frames as fast as one CPU makes them: live frames of a test run
//! (`Documentation/bpf/bpf_prog_run.rst`), which a program gives their ports and sends.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use testkit::bpf::call;
use testkit::bpf::code::{
    ADD_IMMEDIATE, AND_IMMEDIATE, CALL, DIVIDE_IMMEDIATE, EXIT, IF_EQUAL_IMMEDIATE, IF_GREATER,
    IF_NOT_EQUAL_IMMEDIATE, JUMP, LOAD_32, LOAD_64, LOAD_MAP, MAP_LOOKUP, MODULO_IMMEDIATE, MOVE,
    MOVE_IMMEDIATE, OR, OR_IMMEDIATE, REDIRECT, SHIFT_LEFT_IMMEDIATE, STORE_8, STORE_32, STORE_64,
    STORE_IMMEDIATE_32, TO_BIG_ENDIAN, XDP_ABORTED, aim, code,
};

use crate::link::Pair;

/// Frames in flight at once: the most that the kernel takes.
const BATCH: u32 = 256;
/// Frames of the first call, and the most of one: many, since setting up and taking down a call takes
/// milliseconds.
const FIRST_STEP: u32 = 1 << 14;
const LONGEST_STEP: u32 = 1 << 20;

/// Where the UDP ports are in the frame, and where its payload begins.
const PORTS: i16 = 34;
const PAYLOAD: i16 = 42;
const FRAME_LEN: i32 = 60;

/// What the frames of known flows carry: nDPI needs one packet of it.
pub(crate) const PAYLOAD_OF_KNOWN: &[u8; 18] = b"RTSP/1.0 200 OK\r\n\r";
/// What it calls them.
pub(crate) const APP: &str = "RTSP";

/// Which flows the frames belong to.
#[derive(Clone, Copy)]
pub(crate) enum Traffic {
    /// So many flows in turn, with a payload that nDPI knows at first sight.
    Known(i32),
    /// The same, but that each frame whose number is a multiple of `new_every` opens a new flow.
    /// `flows` is a multiple of it too.
    Mixed { flows: i32, new_every: i32 },
    /// Each frame opens a new flow, of which nDPI makes nothing.
    New,
}

impl Traffic {
    /// How many flows there are that nDPI knows.
    pub(crate) fn known(self) -> i32 {
        match self {
            Self::Known(flows) => flows,
            Self::Mixed { flows, new_every } => flows - flows / new_every,
            Self::New => 0,
        }
    }
}

/// New flows have numbers from here on.
const FIRST_NEW: i32 = 1 << 20;

/// Sends over one pair.
pub(crate) struct Generator {
    pub(crate) traffic: Traffic,
    program: OwnedFd,
    /// Frames sent so far.
    sent: OwnedFd,
    frame: Vec<u8>,
    /// Frames of the next call.
    step: u32,
}

impl Generator {
    pub(crate) fn new(pair: &Pair, traffic: Traffic) -> io::Result<Self> {
        let sent = call::number()?;
        let program = call::load(&program(&sent, pair.tx, traffic))?;
        Ok(Self { traffic, program, sent, frame: pair.frame(), step: FIRST_STEP })
    }

    /// Sends at least `frames` frames.
    pub(crate) fn send(&self, frames: u32) -> io::Result<()> {
        call::run_live(&self.program, &self.frame, frames, BATCH.min(frames))
    }

    /// Sends as fast as it goes for about this long: in calls of a part of it, however slow the receiver
    /// or the machine makes them.
    pub(crate) fn send_for(&mut self, time: Duration) -> io::Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            let call = Instant::now();
            call::run_live(&self.program, &self.frame, self.step, BATCH)?;
            self.step = next_step(self.step, call.elapsed(), time);
        }
        Ok(())
    }

    /// Frames sent so far.
    pub(crate) fn sent(&self) -> io::Result<u64> {
        call::read_number(&self.sent)
    }
}

/// How many frames a call sends after one that took this long of a round's time.
fn next_step(step: u32, took: Duration, time: Duration) -> u32 {
    match step {
        _ if took > time / 4 => (step / 2).max(FIRST_STEP),
        _ if took < time / 16 => (step * 2).min(LONGEST_STEP),
        _ => step,
    }
}

/// Counts the frame, writes its ports and the first byte of its payload, and sends it out of
/// `ifindex`. Registers: 6 the context, 7 the flow's number, 8 the frame, 3 the byte.
fn program(sent: &OwnedFd, ifindex: u32, traffic: Traffic) -> Vec<u64> {
    let mut program = vec![
        code(MOVE, 6, 1, 0, 0),
        code(STORE_IMMEDIATE_32, 10, 0, -4, 0),
        code(MOVE, 2, 10, 0, 0),
        code(ADD_IMMEDIATE, 2, 0, 0, -4),
        code(LOAD_MAP, 1, 1, 0, sent.as_raw_fd()),
        code(0, 0, 0, 0, 0),
        code(CALL, 0, 0, 0, MAP_LOOKUP),
    ];
    let lost = [program.len(), program.len() + 8];
    program.extend([
        code(IF_EQUAL_IMMEDIATE, 0, 0, 0, 0),
        code(LOAD_64, 7, 0, 0, 0),
        code(MOVE, 1, 7, 0, 0),
        code(ADD_IMMEDIATE, 1, 0, 0, 1),
        code(LOAD_32, 8, 6, 0, 0),
        code(LOAD_32, 2, 6, 4, 0),
        code(MOVE, 4, 8, 0, 0),
        code(ADD_IMMEDIATE, 4, 0, 0, FRAME_LEN),
        code(IF_GREATER, 4, 2, 0, 0),
        code(STORE_64, 0, 1, 0, 0),
    ]);
    program.extend(choice(traffic));
    program.extend([
        // The number's lower 14 bits go to one port and the next 14 to the other, both between
        // 0x4000 and 0xbfff: ports that stand for no protocol.
        code(MOVE, 1, 7, 0, 0),
        code(AND_IMMEDIATE, 1, 0, 0, 0x3fff),
        code(AND_IMMEDIATE, 7, 0, 0, 0x0fff_c000),
        code(SHIFT_LEFT_IMMEDIATE, 7, 0, 0, 2),
        code(OR, 7, 1, 0, 0),
        code(OR_IMMEDIATE, 7, 0, 0, 0x4000_8000),
        code(TO_BIG_ENDIAN, 7, 0, 0, 32),
        code(STORE_32, 8, 7, PORTS, 0),
        code(STORE_8, 8, 3, PAYLOAD, 0),
        code(MOVE_IMMEDIATE, 1, 0, 0, ifindex.cast_signed()),
        code(MOVE_IMMEDIATE, 2, 0, 0, 0),
        code(CALL, 0, 0, 0, REDIRECT),
        code(EXIT, 0, 0, 0, 0),
    ]);
    let end = program.len();
    program.extend([code(MOVE_IMMEDIATE, 0, 0, 0, XDP_ABORTED), code(EXIT, 0, 0, 0, 0)]);
    for jump in lost {
        aim(&mut program, jump, end);
    }
    program
}

/// Makes the flow's number of the frame's, both in register 7, and chooses the byte.
fn choice(traffic: Traffic) -> Vec<u64> {
    let known = |flows| {
        [
            code(MODULO_IMMEDIATE, 7, 0, 0, flows),
            code(MOVE_IMMEDIATE, 3, 0, 0, i32::from(PAYLOAD_OF_KNOWN[0])),
        ]
    };
    let new = [code(ADD_IMMEDIATE, 7, 0, 0, FIRST_NEW), code(MOVE_IMMEDIATE, 3, 0, 0, 0)];
    match traffic {
        Traffic::Known(flows) => known(flows).to_vec(),
        Traffic::New => new.to_vec(),
        Traffic::Mixed { flows, new_every } => {
            let mut program = vec![
                code(MOVE, 4, 7, 0, 0),
                code(MODULO_IMMEDIATE, 4, 0, 0, new_every),
                code(IF_NOT_EQUAL_IMMEDIATE, 4, 0, 0, 0),
                code(DIVIDE_IMMEDIATE, 7, 0, 0, new_every),
            ];
            program.extend(new);
            program.push(code(JUMP, 0, 0, 0, 0));
            let at = program.len();
            aim(&mut program, 2, at);
            program.extend(known(flows));
            let end = program.len();
            aim(&mut program, at - 1, end);
            program
        }
    }
}
