//! An XDP program of somebody else.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use super::sandbox::Sandbox;

/// A loaded program that lets every packet pass. It goes with its value and the interfaces it is
/// attached to.
pub(crate) struct ForeignProgram(OwnedFd);

/// The part of `union bpf_attr` (linux/bpf.h) that `BPF_PROG_LOAD` cannot do without.
#[repr(C)]
struct ProgramLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
}

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TYPE_XDP: u32 = 6;
/// `r0 = XDP_PASS; exit`, as the kernel's instruction set lays it out (little-endian).
const PASS: [[u8; 8]; 2] = [[0xb7, 0, 0, 0, 2, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];

impl ForeignProgram {
    pub(crate) fn load() -> Self {
        let attributes = ProgramLoad {
            prog_type: BPF_PROG_TYPE_XDP,
            insn_cnt: 2,
            insns: PASS.as_ptr().addr() as u64,
            license: c"GPL".as_ptr().addr() as u64,
        };
        // SAFETY: the kernel reads `attributes`, whose size is given, and what it points to: two
        // instructions and a string, which are constants.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_PROG_LOAD,
                &raw const attributes,
                size_of_val(&attributes),
            )
        };
        assert!(fd >= 0, "cannot load a program: {}", io::Error::last_os_error());
        // SAFETY: the kernel just returned it, so it is open and nobody else's.
        Self(unsafe { OwnedFd::from_raw_fd(RawFd::try_from(fd).unwrap()) })
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
