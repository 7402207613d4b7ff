//! Measuring what the processes of an instance take.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::param::page_size;

use crate::apart::Gauge;
use crate::policy_reader::Processes;

/// Looks at its own pages one by one at every so many readings: in between, pages that it has more or fewer than
/// then are its own.
const CLOSELY: u32 = 10;

/// Which part of the pages that a forked process begins with it, or who has forked it, writes to at most.
const WRITTEN: u64 = 4;

/// What was measured, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The session's process, without what other processes have of its pages; and those which have policies read.
    pub(crate) session: u64,
    /// Those of nDPI, where there are some: that which works, and the one that it was forked from.
    pub(crate) ndpi: u64,
}

impl Taken {
    /// All of it.
    pub(crate) fn sum(self) -> u64 {
        self.session + self.ndpi
    }
}

/// Pages of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pages {
    resident: u64,
    /// Of files, or memory that is shared on purpose.
    shared: u64,
}

impl Pages {
    /// Those that are not shared on purpose.
    fn own(self) -> u64 {
        self.resident.saturating_sub(self.shared)
    }
}

/// Measures them.
#[derive(Debug)]
pub(crate) struct Meter {
    own: Option<File>,
    gauge: Option<Gauge>,
    /// The processes that have policies read, where there are some.
    policies: Option<Processes>,
    readings: u32,
    /// Bytes of its own resident pages that others have, as of the last close look.
    others: u64,
    /// Whether those of nDPI can be seen.
    sees_ndpi: bool,
}

impl Meter {
    /// Measures this process, those of nDPI by what is known of them, and those that have policies read.
    ///
    /// # Errors
    /// The kernel does not say how much memory this process takes.
    pub(crate) fn new(gauge: Option<Gauge>, policies: Option<Processes>) -> io::Result<Self> {
        let own = File::open("/proc/self/smaps_rollup").ok();
        let meter = Self { own, gauge, policies, readings: 0, others: 0, sees_ndpi: true };
        pages("self")?;
        Ok(meter)
    }

    /// What they take now. What cannot be seen is taken for what it was.
    pub(crate) fn read(&mut self) -> Taken {
        let resident = pages("self").unwrap_or_default().resident * page_size() as u64;
        if self.readings.is_multiple_of(CLOSELY) {
            let share = self.own.as_ref().and_then(|rollup| proportional(rollup).ok());
            self.others = share.map_or(0, |share| resident.saturating_sub(share));
        }
        self.readings = self.readings.wrapping_add(1);
        let session = resident.saturating_sub(self.others) + self.policies();
        Taken { session, ndpi: self.ndpi() }
    }

    /// A part of the pages of each process that has policies read: most are this one's still, those that this one has
    /// written to since are their own. Nothing of one that is gone.
    fn policies(&self) -> u64 {
        let processes = self.policies.iter().flat_map(Processes::now);
        let pages = processes.filter_map(|process| pages(&process.to_string()).ok());
        pages.map(|pages| pages.own() / WRITTEN * page_size() as u64).sum()
    }

    /// All pages of the worker, and a part of the keeper's: at first they are the same, and those that the worker writes
    /// to become its own, which nobody sees from outside. It writes to few: engines are read only, but for some caches.
    fn ndpi(&mut self) -> u64 {
        let Some(gauge) = &self.gauge else { return 0 };
        let [keeper, worker] = gauge.processes().map(|pid| pages(&pid.to_string()));
        let pages = match (keeper, worker) {
            (Ok(keeper), Ok(worker)) => keeper.own() / WRITTEN + worker.resident,
            // About to be started: what the keeper is then.
            (Ok(keeper), Err(_)) => keeper.own() / WRITTEN + keeper.resident,
            (Err(error), _) => {
                if std::mem::replace(&mut self.sees_ndpi, false) {
                    log::warn!(
                        "cannot see how much memory nDPI's process takes (/proc/PID/statm: {error}): it is counted as \
                         none"
                    );
                }
                0
            }
        };
        pages * page_size() as u64
    }
}

/// The pages of a process.
fn pages(pid: &str) -> io::Result<Pages> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm"))?;
    parse_statm(&statm).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Size, resident and shared pages come first (`proc_pid_statm(5)`).
fn parse_statm(statm: &str) -> Option<Pages> {
    let mut numbers = statm.split_ascii_whitespace().skip(1).map(str::parse);
    Some(Pages { resident: numbers.next()?.ok()?, shared: numbers.next()?.ok()? })
}

/// What a process takes of memory, where each of those that share a page has its part of it.
fn proportional(rollup: &File) -> io::Result<u64> {
    let mut text = [0; 2048];
    let length = rollup.read_at(&mut text, 0)?;
    let text = String::from_utf8_lossy(&text[..length]);
    parse_rollup(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// `Pss:` in kB (`proc_pid_smaps(5)`).
fn parse_rollup(rollup: &str) -> Option<u64> {
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(pss.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let pages = Pages { resident: 25748, shared: 15782 };
        assert_eq!(parse_statm("340123 25748 15782 4012 0 60000 0\n"), Some(pages));
        assert_eq!(parse_statm("340123 25748"), None);
        let rollup = "5566-7ffe ---p 00000000 00:00 0    [rollup]\nRss:     102992 kB\nPss:      77047 kB\n\
                      Pss_Dirty:    9 kB\n";
        assert_eq!(parse_rollup(rollup), Some(77047 * 1024));
        assert_eq!(parse_rollup("Rss: 1 kB\n"), None);
    }

    #[test]
    fn memory_that_is_written_to_is_measured() {
        let mut meter = Meter::new(None, None).unwrap();
        let before = meter.read();
        let more = vec![1_u8; 64 << 20];
        let after = meter.read();
        assert_eq!(after.ndpi, 0);
        assert!(after.sum() > before.sum() + (more.len() as u64) / 2, "{before:?} {after:?}");
    }
}
