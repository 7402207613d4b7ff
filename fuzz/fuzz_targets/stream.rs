//! Packets of one TCP connection through its stream: none is read that was not sent, and never too much is
//! kept.
#![no_main]

#[path = "../cases/stream.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
