//! Errors name what is missing: capabilities, the BPF file system, the kernel's types. Each test
//! changes only its own thread.

use std::fs;
use std::path::Path;

use ndpi_kernel::{Kernel, LoadError, PreflightError};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount,
};
use rustix::thread::{CapabilitySet, UnshareFlags, capabilities, set_capabilities};

use crate::loader::setup::{can_load, load, options};

#[test]
fn missing_capabilities_are_named() {
    if !can_load() {
        return;
    }
    let mut sets = capabilities(None).unwrap();
    let taken = CapabilitySet::SYS_ADMIN | CapabilitySet::BPF | CapabilitySet::NET_ADMIN;
    sets.effective.remove(taken);
    set_capabilities(None, sets).unwrap();
    match Kernel::load(&options()) {
        Err(LoadError::Preflight(PreflightError::MissingCapabilities { missing })) => {
            assert_eq!(missing, ["CAP_BPF", "CAP_NET_ADMIN"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_bpf_file_system_is_mounted() {
    if !can_load() {
        return;
    }
    own_mounts();
    let place = Path::new("/sys/fs/bpf");
    while rustix::fs::statfs(place).unwrap().f_type == 0xcafe_4a11 {
        unmount(place, UnmountFlags::DETACH).unwrap();
    }
    let kernel = load();
    assert!(kernel.pin_directory().unwrap().join("VERDICTS_V4").exists());
    assert!(
        fs::read_to_string("/proc/thread-self/mounts").unwrap().contains("bpf /sys/fs/bpf bpf")
    );
}

#[test]
fn a_kernel_without_types_is_refused() {
    if !can_load() {
        return;
    }
    own_mounts();
    mount("none", "/sys/kernel/btf", "tmpfs", MountFlags::empty(), None).unwrap();
    let error = Kernel::load(&options()).unwrap_err();
    assert!(matches!(error, LoadError::Preflight(PreflightError::NoBtf)), "{error:?}");
}

/// Gives the thread mounts of its own, which end with it.
pub(crate) fn own_mounts() {
    // SAFETY: only mounts and the thread's working directory change, on which no memory depends.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }.expect("mounts of its own");
    let apart = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", apart).expect("mounts apart from the machine's");
}
