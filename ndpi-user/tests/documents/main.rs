//! The documents as tests: their console blocks are run, their tables and examples are compared with
//! what the program has and writes.
//!
//! With `UPDATE_DOCS=1` what is generated is written to the documents, and the output of console blocks
//! is replaced by what their commands print.

mod capture;
mod console;
mod network;
mod options;
mod page;
mod pages;
mod provoked;
mod reference;
mod stage;
mod transcript;

use ndpi_kernel::object::kernel_object;

/// Whether these tests can run: as root, with these programs of the distribution, nDPI, and an
/// `ndpi-xdp` with its BPF programs. If not, says why; in CI that is a failure.
fn ready(programs: &[&str]) -> bool {
    testkit::program::ready(programs, kernel_object())
}
