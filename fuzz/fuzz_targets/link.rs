//! Packets of every link type: a sample within the packet or a reason, never a panic.
#![no_main]

#[path = "../cases/link.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
