//! The program under load: floods, and rates held against what arrives. One test at a time has the CPUs
//! to itself. Needs root.

mod floods;
mod idle;
mod limits;
mod memory;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndpi_kernel::object::kernel_object;

static CPUS: Mutex<()> = Mutex::new(());

/// The CPUs for one test, where it can run: as root, with these programs of the distribution, nDPI, and
/// an `ndpi-xdp` with its BPF programs. If not, says why; in CI that is a failure.
fn ready(programs: &[&str]) -> Option<MutexGuard<'static, ()>> {
    let alone = || CPUS.lock().unwrap_or_else(PoisonError::into_inner);
    testkit::program::ready(programs, kernel_object()).then(alone)
}

/// Times that a flood is tried.
const ATTEMPTS: usize = 3;

/// Runs a test of a flood that takes whatever this machine has. Where something else takes a CPU away for some
/// hundredths of a second, packets are lost that no program could have read: so it need not go well at the first
/// attempt, and a fault of ours goes wrong at each.
fn try_flood(programs: &[&str], flood: impl Fn()) {
    let Some(_cpus) = ready(programs) else { return };
    for left in (0..ATTEMPTS).rev() {
        match catch_unwind(AssertUnwindSafe(&flood)) {
            Ok(()) => return,
            Err(panic) if left == 0 => resume_unwind(panic),
            Err(_) => eprintln!("once more, in case that something else had the CPUs: see above"),
        }
    }
}
