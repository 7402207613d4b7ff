//! Nothing may remain of a lab: no namespace, no mount, no pin, no file.
//!
//! Everything of a lab that has a name carries its process id, so that what a killed lab could not
//! remove is known for what it is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::namespace::{Namespace, namespaces};
use super::{bpffs, kernel};
use crate::process;

const PREFIX: &str = "ndpi-lab";

/// A name for a thing of this process's lab.
pub(super) fn named(what: &str) -> String {
    format!("{PREFIX}-{}-{what}", std::process::id())
}

/// Removes namespaces, pins and folders of labs that were killed before they could; `binary` is
/// `ndpi-xdp`, which knows how to take off what it has pinned.
pub(super) fn remove_stale(binary: &Path) -> Result<()> {
    for name in namespaces()?.iter().filter(|name| is_stale(name)) {
        eprintln!("lab: removing {name}, left by a lab that was killed");
        Namespace::adopt(name).remove()?;
    }
    // The BPF file system may not be mounted, and then nothing is pinned.
    if let Ok(pins) = stale_in(Path::new(bpffs::MOUNT_POINT)) {
        for pins in pins {
            process::output(process::command(binary).args(["detach", "--pin-dir"]).arg(&pins))?;
        }
    }
    stale_in(&env::temp_dir())?.iter().try_for_each(fs::remove_dir_all)?;
    Ok(())
}

/// What labs that were killed have left in a folder.
fn stale_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.filter_map(Result::ok);
    let stale = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_stale));
    let paths: Vec<_> = stale.map(|entry| entry.path()).collect();
    for path in &paths {
        eprintln!("lab: removing {}, left by a lab that was killed", path.display());
    }
    Ok(paths)
}

/// Whether a lab gave this name whose process is gone.
fn is_stale(name: &str) -> bool {
    owner(name).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
}

/// The process whose lab gave this name.
fn owner(name: &str) -> Option<u32> {
    let (pid, _what) = name.strip_prefix(PREFIX)?.strip_prefix('-')?.split_once('-')?;
    pid.parse().ok()
}

/// Fails, naming all that is left of this process's lab; `folder` was its own.
pub(super) fn check(folder: &Path) -> Result<()> {
    let mut left = Vec::new();
    let ours = |name: &String| name.contains(&named(""));
    left.extend(namespaces()?.into_iter().filter(ours).map(|name| format!("namespace {name}")));
    left.extend(mounts()?.into_iter().filter(ours).map(|point| format!("mount {point}")));
    let pins = kernel::pins();
    let places = [folder, &pins].into_iter().filter(|place| place.exists());
    left.extend(places.map(|place| place.display().to_string()));
    if !left.is_empty() {
        bail!("left behind: {}", left.join(", "));
    }
    Ok(())
}

/// Mount points of this process's mount namespace, see proc(5).
fn mounts() -> Result<Vec<String>> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")?;
    Ok(table.lines().filter_map(|line| line.split(' ').nth(4)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_labs_have_an_owner() {
        assert_eq!(owner("ndpi-lab-4711-router"), Some(4711));
        assert_eq!(owner("ndpi-lab-x-router"), None);
        assert_eq!(owner("blue"), None);
    }

    #[test]
    fn what_belongs_to_the_living_is_not_stale() {
        assert!(!is_stale(&named("client")));
        assert!(!is_stale("someone-elses"));
    }
}
