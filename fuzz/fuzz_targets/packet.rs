//! Frames through the parser of the BPF programs: a packet within the frame or a reason, never a
//! panic, and the short cut says what the whole parser says.
#![no_main]

#[path = "../cases/packet.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
