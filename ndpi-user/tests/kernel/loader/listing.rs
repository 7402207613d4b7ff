//! Listing what is pinned, of which there may be very much.

use std::io::{self, BufRead as _, BufReader};
use std::process::Command;
use std::thread;
use std::time::Duration;

use ndpi_kernel::{Kernel, LoadOptions};
use testkit::places::ndpi_library;
use testkit::program::binary;
use testkit::{blocked, memory};

use crate::loader::setup::{can_load, options};

/// As many as a large router may have. What is compiled for debugging takes a hundred times as long for each: it shows
/// that they are all listed, and `cargo test --release` what that takes.
const VERDICTS: u32 = if cfg!(debug_assertions) { 5_000 } else { 1_000_000 };

/// What listing them may take of a CPU.
const LONGEST: Duration = Duration::from_secs(2);
const MOST_KIB: u64 = 64 << 10;

/// Runs a command to its end: how long it had a CPU, and how much memory at most (KiB).
fn measured(command: &mut Command) -> (Duration, u64) {
    #[expect(clippy::zombie_processes, reason = "it is waited for below, by its number")]
    let child = command.spawn().unwrap();
    let (pid, mut kib) = (child.id().cast_signed(), 0);
    // SAFETY: an all-zero `rusage` is one: it holds nothing but numbers.
    let (mut status, mut usage) = (0, unsafe { std::mem::zeroed::<libc::rusage>() });
    // What the call says of memory is that of this process too, as it was when the other one began: proc(5) knows.
    loop {
        // SAFETY: both pointers are to values that live until the call returns, and the process is ours, as nobody
        // else waits for it.
        match unsafe { libc::wait4(pid, &raw mut status, libc::WNOHANG, &raw mut usage) } {
            0 => kib = kib.max(memory::most_kib(pid).unwrap_or_default()),
            ended => break assert_eq!((ended, status), (pid, 0), "{}", io::Error::last_os_error()),
        }
        thread::sleep(Duration::from_millis(1));
    }
    let time = |it: libc::timeval| {
        let (seconds, micros) = (it.tv_sec.unsigned_abs(), it.tv_usec.unsigned_abs());
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    (time(usage.ru_utime) + time(usage.ru_stime), kib)
}

#[test]
fn a_million_verdicts_are_listed_at_once_and_in_little_memory() {
    if !can_load() {
        return;
    }
    let kernel = Kernel::load(&LoadOptions { verdicts: VERDICTS + 1, ..options() }).unwrap();
    for number in 0..VERDICTS {
        kernel.verdicts().insert(&blocked::key(number), &blocked::verdict()).unwrap();
    }
    let pins = kernel.pin_directory().unwrap();
    let listed = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(binary());
    command.args(["verdicts", "--json", "--pin-dir"]).arg(pins);
    command.env("NDPI_LIBRARY", ndpi_library()).stdout(listed.reopen().unwrap());
    let (took, kib) = measured(&mut command);
    eprintln!("{VERDICTS} verdicts took {took:.1?} of a CPU and {kib} KiB");
    let lines =
        BufReader::new(listed).lines().filter(|line| line.as_ref().is_ok_and(|it| !it.is_empty()));
    assert_eq!(lines.count(), VERDICTS as usize);
    assert!((1..=MOST_KIB).contains(&kib), "{kib} KiB");
    assert!(cfg!(debug_assertions) || took <= LONGEST, "{took:?}");
}
