//! An XDP program of somebody else.

use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};

use super::bpf::call;
use super::bpf::call::Place;
use super::bpf::code::{XDP_PASS, answer};
use super::sandbox::Sandbox;

/// A loaded program that lets every packet pass. It goes with its value and the interfaces it is
/// attached to.
pub(crate) struct ForeignProgram(OwnedFd);

impl ForeignProgram {
    pub(crate) fn load() -> Self {
        Self(call::load(&answer(XDP_PASS)).unwrap())
    }

    /// Puts it on `interface`, in the driver.
    pub(crate) fn attach(&self, sandbox: &Sandbox, interface: &str) {
        let id = self.id();
        let mut bpftool = sandbox.command("bpftool");
        let status = bpftool.args(["net", "attach", "xdp", "id", &id, "dev", interface]).status();
        assert!(status.unwrap().success());
    }

    /// The kernel's number for it.
    pub(crate) fn id(&self) -> String {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", self.0.as_raw_fd())).unwrap();
        info.lines().find_map(|line| line.strip_prefix("prog_id:")).unwrap().trim().to_owned()
    }
}

/// A TC program of somebody else that sees what goes out of an interface before anybody else (tcx), and
/// gives it all the same answer. It goes with its value.
pub(crate) struct ForeignEgress {
    _link: OwnedFd,
}

impl ForeignEgress {
    /// Puts it on the interface of this index in this thread's network namespace.
    pub(crate) fn first(ifindex: u32, action: i32) -> Self {
        let name = *b"neighbour\0\0\0\0\0\0\0";
        let program = call::load_classifier(name, &answer(action)).unwrap();
        Self { _link: call::attach_tcx(&program, ifindex, Place::First).unwrap() }
    }
}

/// The index of an interface of this thread's network namespace.
pub(crate) fn index(interface: &str) -> u32 {
    let name = std::ffi::CString::new(interface).unwrap();
    // SAFETY: a string that ends in zero.
    unsafe { libc::if_nametoindex(name.as_ptr()) }
}
