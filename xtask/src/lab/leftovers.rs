//! Nothing may remain of a lab: no namespace, no mount, no pin, no file.
//!
//! What a killed lab, bench or test could not remove is removed by the next lab, which knows it by its
//! name.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use testkit::namespace::{Namespace, is_stale, namespaces};

use super::names::named;
use super::{bpffs, kernel};
use crate::process;

/// Removes namespaces, pins and folders of labs and the like that were killed before they could; `binary`
/// is `ndpi-xdp`, which knows how to take off what it has pinned. What cannot be removed stays: it may
/// be a stranger's, and is in nobody's way.
pub(crate) fn remove_stale(binary: &Path) -> Result<()> {
    for name in namespaces()?.iter().filter(|name| is_stale(name)) {
        remove_one(name, || Namespace::adopt(name).remove());
    }
    // The BPF file system may not be mounted, and then nothing is pinned.
    remove_each(Path::new(bpffs::MOUNT_POINT), |pins| {
        process::output(process::command(binary).args(["detach", "--pin-dir"]).arg(pins)).map(drop)
    });
    remove_each(&temporary(), |folder| Ok(fs::remove_dir_all(folder)?));
    Ok(())
}

/// The folder in which labs make theirs.
pub(super) fn temporary() -> PathBuf {
    process::variable("TMPDIR").map_or_else(|| "/tmp".into(), PathBuf::from)
}

/// Removes what labs that were killed have left in a folder.
fn remove_each(folder: &Path, remove: impl Fn(&Path) -> Result<()>) {
    for path in stale_in(folder) {
        remove_one(&path.display().to_string(), || remove(&path));
    }
}

fn remove_one(what: &str, remove: impl FnOnce() -> Result<()>) {
    eprintln!("lab: removing {what}, left by a process that was killed");
    if let Err(error) = remove() {
        eprintln!("lab: it stays: {error:#}");
    }
}

/// What labs that were killed have left in a folder in which anybody may make files of such names:
/// only folders of this user's own.
fn stale_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let stale = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_stale));
    stale.map(|entry| entry.path()).filter(|path| is_own_folder(path)).collect()
}

fn is_own_folder(path: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == us)
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
    fn files_of_strangers_are_left_alone_and_stop_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |what: &str| folder.path().join(format!("ndpi-lab-{}-{what}", u32::MAX));
        let target = folder.path().join("precious");
        for made in [at("own"), target.clone(), at("stuck")] {
            fs::create_dir(&made).unwrap();
            fs::write(made.join("file"), "").unwrap();
        }
        std::os::unix::fs::symlink(&target, at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let strangers = [at("link"), at("file"), at("fifo")];
        let mut found = stale_in(folder.path());
        found.sort();
        assert_eq!(found, [at("own"), at("stuck")]);
        remove_each(folder.path(), |path| {
            anyhow::ensure!(!path.ends_with(at("stuck")), "it cannot be removed");
            Ok(fs::remove_dir_all(path)?)
        });
        assert!(!at("own").exists() && at("stuck").exists() && target.join("file").exists());
        assert!(strangers.iter().all(|path| path.symlink_metadata().is_ok()));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(at("stuck"), Some(65534), None).unwrap();
            assert!(stale_in(folder.path()).is_empty(), "somebody else's folder");
        }
        assert!(stale_in(Path::new("/nonexistent")).is_empty());
    }
}
