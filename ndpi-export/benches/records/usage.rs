//! Time on CPUs and memory of this process.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// For how long the threads of this process were on CPUs.
pub(crate) fn on_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Its memory, in KiB.
pub(crate) fn resident_kib() -> u64 {
    testkit::memory::resident_kib("self").unwrap_or_default()
}
