//! Threads that keep to a CPU, and the time that processes have of it.

use std::fs;
use std::io;
use std::process::Child;
use std::thread::available_parallelism;
use std::time::Duration;

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
    let mut counted = vec![process.id()];
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // It may be gone by now.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        all.extend(parent_of(&stat).map(|parent| (pid, parent)));
    }
    let mut at = 0;
    while let Some(&parent) = counted.get(at) {
        counted.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    let others = counted[1..]
        .iter()
        .filter_map(|pid| ticks_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?));
    Ok(time_of(process)? + Duration::from_millis(10 * others.sum::<u64>()))
}

fn ticks_of(stat: &str) -> Option<u64> {
    let mut fields = behind_name(stat)?.skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn parent_of(stat: &str) -> Option<u32> {
    behind_name(stat)?.nth(1)?.parse().ok()
}

/// The fields behind the name, which may have parentheses of its own.
fn behind_name(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
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
        assert_eq!((ticks_of("7 (a) S 1"), parent_of(stat)), (None, Some(1)));
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
