//! Sealed Initial packets of QUIC through their receiver: never too much is kept, and none is read that was not sent.
#![no_main]

#[path = "../cases/quic.rs"]
mod case;
#[path = "../cases/stream.rs"]
mod stream;

libfuzzer_sys::fuzz_target!(|data: &[u8]| stream::run(&case::for_streams(data)));
