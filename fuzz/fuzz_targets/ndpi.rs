//! Payloads of flows through nDPI's own code, in a process that has given up what an instance gives up. The variable
//! `NDPI_LIBRARY` names the library, which may be built with sanitizers.
#![no_main]

use std::cell::OnceCell;

use ndpi::{Engine, Library};

#[path = "../cases/ndpi.rs"]
mod case;

thread_local! {
    /// Making one takes longer than many inputs.
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
}

fn engine() -> Engine {
    let library = Library::load(None).expect("nDPI, by NDPI_LIBRARY");
    let engine = library.engine().build().expect("an engine");
    ndpi_confine::refuse_what_no_service_does().expect("a kernel with seccomp");
    engine
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ENGINE.with(|cell| case::run(cell.get_or_init(engine), data));
});
