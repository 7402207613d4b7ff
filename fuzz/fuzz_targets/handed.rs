//! Policies that another process has read: whatever it says, they are policies or refused.
#![no_main]

#[path = "../cases/asked.rs"]
mod asked;
#[path = "../cases/handed.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
