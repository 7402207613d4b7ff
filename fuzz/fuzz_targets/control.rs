//! Messages between an instance and other processes: what is read of them is bounded, and can be said again.
#![no_main]

#[path = "../cases/control.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
