//! Nothing may remain of a lab: no namespace, no mount, no file. (Pins are the router's matter.)
//!
//! Everything of a lab that has a name carries its process id, so that what a killed lab could not
//! remove is known for what it is.

use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::namespace::{Namespace, namespaces};

const PREFIX: &str = "ndpi-lab";

/// A name for a thing of this process's lab.
pub(super) fn named(what: &str) -> String {
    format!("{PREFIX}-{}-{what}", std::process::id())
}

/// Removes namespaces and folders of labs that were killed before they could.
pub(super) fn remove_stale() -> Result<()> {
    for name in namespaces()?.iter().filter(|name| is_stale(name)) {
        eprintln!("lab: removing {name}, left by a lab that was killed");
        Namespace::adopt(name).remove()?;
    }
    for entry in fs::read_dir(env::temp_dir())?.filter_map(Result::ok) {
        if entry.file_name().to_str().is_some_and(is_stale) {
            eprintln!("lab: removing {}, left by a lab that was killed", entry.path().display());
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
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
    if folder.exists() {
        left.push(folder.display().to_string());
    }
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
