//! Fragments of two flows through their classifier: none is read longer than what was sent and is kept, and no
//! more packets than came.
#![no_main]

#[path = "../cases/fragments.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
