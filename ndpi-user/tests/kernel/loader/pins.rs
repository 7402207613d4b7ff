//! Pins, the lock on them, and reading them from another process's point of view.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ndpi_common::{Action, VerdictEntry};
use ndpi_kernel::pinned::{self, PinnedError};
use ndpi_kernel::{Kernel, LoadError, LockError, PinError, detach};
use testkit::frame::key4;
use testkit::thread_namespace::run;

use crate::loader::setup::{can_load, options, pin_directory};

#[test]
fn pins_are_there_as_long_as_the_kernel_side_is() {
    if !can_load() {
        return;
    }
    let options = options();
    let directory = options.pin_directory.clone().unwrap();
    let kernel = Kernel::load(&options).unwrap();
    for name in ["VERDICTS_V4", "VERDICTS_V6", "STATS", "LIVE", "RINGS", "INSTANCE"] {
        let mode = fs::metadata(directory.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let key = key4(1, 2);
    let verdict = VerdictEntry { action: Action::Drop as u8, ..VerdictEntry::default() };
    kernel.verdicts().insert(&key, &verdict).unwrap();
    let pinned = pinned::open(Some(&directory)).unwrap();
    assert!(pinned.running);
    assert_eq!(pinned.instance.pid, std::process::id());
    assert_eq!(pinned.verdicts.get(&key).unwrap(), Some(verdict));
    drop(kernel);
    assert!(!directory.exists());
    assert!(matches!(pinned::open(Some(&directory)), Err(PinnedError::Nothing(_))));
}

#[test]
fn maps_of_another_version_are_not_read() {
    if !can_load() {
        return;
    }
    let kernel = Kernel::load(&options()).unwrap();
    let directory = kernel.pin_directory().unwrap();
    let note = directory.join("INSTANCE");
    let value = "99 0 0 0 7 0 0 0 0 0 0 0 0 0 0 0";
    run("bpftool", &format!("map update pinned {} key 0 0 0 0 value {value}", note.display()));
    match pinned::open(Some(directory)) {
        Err(PinnedError::Version { theirs, pid, .. }) => assert_eq!((theirs, pid), (99, 7)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_instance_is_refused_and_told_by_whom() {
    if !can_load() {
        return;
    }
    let options = options();
    let directory = options.pin_directory.clone().unwrap();
    let _kernel = Kernel::load(&options).unwrap();
    let pid = std::process::id();
    match Kernel::load(&options) {
        Err(LoadError::Pins(PinError::Lock(LockError::Held { pid: holder, .. }))) => {
            assert_eq!(holder, Some(pid));
        }
        other => panic!("{other:?}"),
    }
    let error = detach(&directory).unwrap_err().to_string();
    assert!(error.contains(&format!("(pid {pid})")), "{error}");
    assert!(directory.join("VERDICTS_V4").exists(), "the running instance keeps its pins");
}

#[test]
fn what_a_crashed_instance_left_is_replaced() {
    if !can_load() {
        return;
    }
    let options = options();
    let directory = options.pin_directory.clone().unwrap();
    // Left as by kill -9: pins, and nobody who holds the lock.
    let dead = pin_directory();
    let kernel = Kernel::load(&options).unwrap();
    fs::create_dir(&dead).unwrap();
    for name in ["VERDICTS_V4", "STATS"] {
        aya::maps::MapData::from_pin(directory.join(name)).unwrap().pin(dead.join(name)).unwrap();
    }
    let key = key4(1, 2);
    kernel.verdicts().insert(&key, &VerdictEntry::default()).unwrap();
    let second = Kernel::load(&ndpi_kernel::LoadOptions {
        pin_directory: Some(dead.clone()),
        ..options.clone()
    })
    .unwrap();
    assert_eq!(second.verdicts().get(&key).unwrap(), None, "maps are new, not adopted");
    drop(second);
    assert!(!dead.exists());
    drop(kernel);
}

#[test]
fn a_directory_elsewhere_is_refused() {
    if !can_load() {
        return;
    }
    let directory = std::env::temp_dir().join(format!("ndpi-pins-{}", std::process::id()));
    let options = ndpi_kernel::LoadOptions { pin_directory: Some(directory), ..options() };
    let error = Kernel::load(&options).unwrap_err().to_string();
    assert!(error.contains("not on a BPF file system"), "{error}");
}
