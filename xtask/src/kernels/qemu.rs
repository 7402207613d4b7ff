//! A machine for a kernel, emulated.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::archive::Unpacked;
use super::guest::{DONE, FAILED};
use crate::process;

pub(super) const PROGRAM: &str = "qemu-system-x86_64";
/// Longer than any kernel takes here, on a busy machine too.
const PATIENCE: Duration = Duration::from_mins(15);
/// Lines of the console that an error shows.
const SHOWN: usize = 8;

/// Boots a kernel with this initramfs and returns what the guest wrote.
pub(super) fn boot(initramfs: &Path, kernel: &Unpacked, folder: &Path) -> Result<String> {
    let named = |what: &str| folder.join(format!("{}-{what}", kernel.release));
    let (console, report) = (named("console.txt"), named("report.txt"));
    let mut qemu = process::command(PROGRAM);
    // Two processors, since per-CPU maps and rings are part of what is examined.
    qemu.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536"])
        .args(["-nographic", "-no-reboot", "-nodefaults", "-nic", "none", "-kernel"])
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(initramfs)
        // Timers of an emulated processor are late; the kernel must not take them for broken.
        .args([
            "-append",
            "console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable -- kernels-guest",
        ])
        .args([path("-serial", &console)?, path("-serial", &report)?].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(named("qemu.txt"))?);
    let mut child = qemu.spawn().with_context(|| format!("cannot start {PROGRAM}"))?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("it did not end within {PATIENCE:?}{}", last_words(&console));
        }
        thread::sleep(Duration::from_millis(100));
    };
    let said = fs::read(&report).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).replace('\r', "");
    if let Some(error) = said.lines().find_map(|line| line.strip_prefix(FAILED)) {
        bail!("{error}{}", last_words(&console));
    }
    if !status.success() || !said.lines().any(|line| line == DONE) {
        bail!("the guest did not come to its end ({status}){}", last_words(&console));
    }
    Ok(said)
}

fn path(option: &str, file: &PathBuf) -> Result<[String; 2]> {
    // Made again: qemu would write into what is there.
    File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok([option.to_owned(), format!("file:{}", file.display())])
}

fn last_words(console: &Path) -> String {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).replace('\r', "");
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN)..];
    format!("; its console ({}) ends:\n  {}", console.display(), shown.join("\n  "))
}
