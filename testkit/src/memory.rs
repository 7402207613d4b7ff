//! The memory that processes take.

use std::fmt::Display;
use std::fs;

/// Bytes of a process, where each of those that share a page has its part of it (`Pss` of proc(5)); `None` where it is
/// gone.
pub fn proportional(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    Some(kib(&rollup, "Pss:")? * 1024)
}

/// The most memory that a process has had until now, in KiB (`VmHWM` of proc(5)); `None` where it is gone.
pub fn most_kib(process: impl Display) -> Option<u64> {
    status_kib(process, "VmHWM:")
}

/// The memory that a process has, in KiB (`VmRSS` of proc(5)); `None` where it is gone.
pub fn resident_kib(process: impl Display) -> Option<u64> {
    status_kib(process, "VmRSS:")
}

fn status_kib(process: impl Display, field: &str) -> Option<u64> {
    kib(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, field)
}

/// The number behind `field` in lines of `text`.
fn kib(text: &str, field: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(field))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_memory_and_has_taken_more() {
        let own = std::process::id();
        let (resident, most) = (resident_kib(own).unwrap(), most_kib("self").unwrap());
        assert!(resident > 0 && most >= resident, "{most} {resident}");
        assert!(proportional(own).unwrap() > 0);
        assert_eq!(most_kib(u32::MAX), None, "nobody has that number");
    }
}
