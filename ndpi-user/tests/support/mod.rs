//! Helpers for the integration tests of the program.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part of this")]

use ndpi_kernel::object::KERNEL_OBJECT;
use testkit::needs::{self, variable};
pub(crate) use testkit::places::ndpi_library;
pub(crate) use testkit::program::binary;
pub(crate) use testkit::{
    bpf, flood, foreign, instance, namespace, pair, sandbox, tun, wait_until, wire,
};

/// Whether the tests that attach programs can run: as root, with the programs of the distribution
/// and nDPI. If not, says why; in CI that is a failure.
pub(crate) fn ready(programs: &[&str]) -> bool {
    let ready = needs::root()
        .and_then(|()| needs::programs(programs))
        .and_then(|()| has_programs())
        .and_then(|()| needs::ndpi());
    testkit::needs(ready).is_some()
}

fn has_programs() -> Result<(), String> {
    let there = variable("NDPI_XDP_BINARY").is_some() || KERNEL_OBJECT.is_some();
    let missing = || "ndpi-xdp was compiled without its BPF programs: cargo xtask build".into();
    there.then_some(()).ok_or_else(missing)
}
