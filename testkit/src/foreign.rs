//! Programs that are none of ours.

use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};

use crate::bpf::call;
use crate::bpf::call::Place;
use crate::bpf::code::{XDP_PASS, answer, counting};
use crate::sandbox::Sandbox;

/// A loaded program that lets every packet pass. It goes with its value and the interfaces it is
/// attached to.
pub struct ForeignProgram(OwnedFd);

impl ForeignProgram {
    /// Loads it.
    pub fn load() -> Self {
        Self(call::load(&answer(XDP_PASS)).unwrap())
    }

    /// Puts it on `interface`, in the driver.
    pub fn attach(&self, sandbox: &Sandbox, interface: &str) {
        let id = self.id();
        let mut bpftool = sandbox.command("bpftool");
        let status = bpftool.args(["net", "attach", "xdp", "id", &id, "dev", interface]).status();
        assert!(status.unwrap().success());
    }

    /// The kernel's number for it.
    pub fn id(&self) -> String {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", self.0.as_raw_fd())).unwrap();
        info.lines().find_map(|line| line.strip_prefix("prog_id:")).unwrap().trim().to_owned()
    }
}

/// A TC program of somebody else at an interface's egress, by tcx: it counts packets and gives them
/// all the same answer. It goes with its value.
pub struct ForeignEgress {
    count: OwnedFd,
    _link: OwnedFd,
}

impl ForeignEgress {
    /// Puts it on the interface of this index in this thread's network namespace.
    pub fn attach(ifindex: u32, place: Place, answer: i32) -> Self {
        let count = call::number().unwrap();
        let program = counting(count.as_raw_fd(), answer);
        let program = call::load_classifier(*b"neighbour\0\0\0\0\0\0\0", &program).unwrap();
        Self { _link: call::attach_tcx(&program, ifindex, place).unwrap(), count }
    }

    /// Packets that it has seen.
    pub fn seen(&self) -> u64 {
        call::read_number(&self.count).unwrap()
    }
}

/// An XDP program named `stranger` that passes everything; it is gone with the descriptor.
pub fn stranger() -> OwnedFd {
    call::load_named(*b"stranger\0\0\0\0\0\0\0\0", &answer(XDP_PASS)).unwrap()
}
