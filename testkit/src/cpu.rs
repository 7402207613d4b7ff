//! Threads that keep to a CPU, and the time that processes have of it.

use std::fs;
use std::io;
use std::process::Child;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::family::{self, behind_name};

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

/// Processor time that a process has used so far, to a hundredth of a second (proc(5), `utime` and `stime`;
/// `CLOCK_PROCESS_CPUTIME_ID` is our own only).
pub fn time_of(process: &Child) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
    let ticks = ticks_of(&stat).ok_or_else(|| io::Error::other("no times in /proc/PID/stat"))?;
    // `USER_HZ` is a hundredth of a second everywhere.
    Ok(Duration::from_millis(10 * ticks))
}

/// The same with the processes that it has started, and those that they have, as far as they live.
pub fn time_of_all(process: &Child) -> io::Result<Duration> {
    let family = family::of(process.id())?;
    let others = family[1..]
        .iter()
        .filter_map(|pid| ticks_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?));
    Ok(time_of(process)? + Duration::from_millis(10 * others.sum::<u64>()))
}

fn ticks_of(stat: &str) -> Option<u64> {
    let mut fields = behind_name(stat)?.skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;
    use std::time::Instant;

    use rustix::process::{Pid, Signal, kill_process_group};

    use super::*;

    #[test]
    fn times_are_behind_the_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 12 30 0 0 20 0 1 0 5 6 7";
        assert_eq!(ticks_of(stat), Some(42));
        assert_eq!(ticks_of("7 (a) S 1"), None);
    }

    #[test]
    fn the_time_of_a_process_has_that_of_those_it_started() -> io::Result<()> {
        // The outer shell waits for what the inner one does.
        let busy = "sh -c 'while :; do :; done' & wait";
        let mut child = Command::new("sh").args(["-c", busy]).process_group(0).spawn()?;
        let began = Instant::now();
        let (mut own, mut all) = (Duration::ZERO, Duration::ZERO);
        while all < Duration::from_millis(50) && began.elapsed() < Duration::from_secs(30) {
            (own, all) = (time_of(&child)?, time_of_all(&child)?);
        }
        kill_process_group(Pid::from_child(&child), Signal::KILL)?;
        child.wait()?;
        assert!(all >= Duration::from_millis(50) && own < all, "{own:?} of {all:?}");
        Ok(())
    }
}
