//! The BPF file system, where `ndpi-xdp` pins its maps.

use std::fs;

use anyhow::{Context, Result};

use crate::process;

pub(super) const MOUNT_POINT: &str = "/sys/fs/bpf";

/// What the kernel itself puts there at mounting (its `BPF_PRELOAD`).
const PRELOADED: [&str; 2] = ["maps.debug", "progs.debug"];

/// The BPF file system, mounted. Where it was not before, it is not afterwards, unless someone else
/// has begun to use it.
pub(super) struct Bpffs {
    ours: bool,
}

impl Bpffs {
    /// Mounts it where it is not. (`ndpi-xdp` would do so too, and leave it, as an init system
    /// does.)
    pub(super) fn ensure() -> Result<Self> {
        let table = fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")?;
        let mounted = is_mounted(&table);
        if !mounted {
            process::output(process::command("mount").args([
                "-t",
                "bpf",
                "-o",
                "mode=0700",
                "bpf",
                MOUNT_POINT,
            ]))?;
        }
        Ok(Self { ours: !mounted })
    }

    /// Unmounts what [`Bpffs::ensure`] mounted.
    pub(super) fn release(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.ours) {
            return Ok(());
        }
        for entry in fs::read_dir(MOUNT_POINT).context("cannot look into the BPF file system")? {
            if !PRELOADED.iter().any(|name| entry.as_ref().is_ok_and(|e| e.file_name() == *name)) {
                eprintln!(
                    "lab: {MOUNT_POINT} stays mounted: someone else has pinned objects there"
                );
                return Ok(());
            }
        }
        process::output(process::command("umount").arg(MOUNT_POINT)).map(drop)
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            eprintln!("lab: {error:#}");
        }
    }
}

/// Whether a table as in proc(5), `/proc/PID/mountinfo`, has a BPF file system at the usual place.
fn is_mounted(mountinfo: &str) -> bool {
    mountinfo.lines().any(|line| {
        let point = line.split(' ').nth(4);
        let kind = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').next());
        point == Some(MOUNT_POINT) && kind == Some("bpf")
    })
}

#[cfg(test)]
mod tests {
    use super::is_mounted;

    #[test]
    fn only_a_bpf_file_system_at_the_usual_place_counts() {
        let line =
            |point, kind| format!("36 25 0:31 / {point} rw,nosuid shared:9 - {kind} bpf rw\n");
        assert!(is_mounted(&(line("/proc", "proc") + &line("/sys/fs/bpf", "bpf"))));
        assert!(!is_mounted(&line("/sys/fs/bpf", "tmpfs")));
        assert!(!is_mounted(&line("/run/bpf", "bpf")));
    }
}
