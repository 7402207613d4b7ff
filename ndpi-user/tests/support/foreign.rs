//! An XDP program of somebody else.

use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};

use super::bpf::call;
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
