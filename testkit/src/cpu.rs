//! Threads that keep to a CPU.

use std::io;
use std::thread::available_parallelism;

use rustix::thread::{CpuSet, sched_setaffinity};

/// Keeps this thread on a CPU, by its number.
pub fn stay_on(cpu: usize) -> io::Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    Ok(sched_setaffinity(None, &cpus)?)
}

/// Keeps it on the last one, whatever the rest of the system does.
pub fn stay_on_last() -> io::Result<()> {
    stay_on(available_parallelism()?.get() - 1)
}
