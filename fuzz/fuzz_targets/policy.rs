//! Policy files: errors, never a panic, and what is taken decides consistently.
#![no_main]

#[path = "../cases/asked.rs"]
mod asked;
#[path = "../cases/policy.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
