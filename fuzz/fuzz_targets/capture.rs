//! Captures, plain and compressed: packets or an error that says where, never a panic.
#![no_main]

#[path = "../cases/capture.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
