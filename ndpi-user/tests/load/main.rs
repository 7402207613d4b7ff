//! The program under load: floods, and rates held against what arrives. One test at a time has the CPUs
//! to itself. Needs root.

mod floods;
mod limits;

use std::sync::{Mutex, MutexGuard, PoisonError};

use ndpi_kernel::object::kernel_object;

static CPUS: Mutex<()> = Mutex::new(());

/// The CPUs for one test, where it can run: as root, with these programs of the distribution, nDPI, and
/// an `ndpi-xdp` with its BPF programs. If not, says why; in CI that is a failure.
fn ready(programs: &[&str]) -> Option<MutexGuard<'static, ()>> {
    let alone = || CPUS.lock().unwrap_or_else(PoisonError::into_inner);
    testkit::program::ready(programs, kernel_object()).then(alone)
}
