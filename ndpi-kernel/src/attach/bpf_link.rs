//! Programs on interfaces by links: each holds its program there as long as it is open.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use aya::programs::{ProgramError, ProgramFd};
use aya::sys::SyscallError;

use crate::sys::{self, LinkPlace};

/// A link to an interface; dropping it takes the program off.
#[derive(Debug)]
pub(crate) struct BpfLink(OwnedFd);

impl BpfLink {
    pub(super) fn new(
        program: &ProgramFd,
        ifindex: u32,
        place: LinkPlace,
        flags: u32,
    ) -> Result<Self, ProgramError> {
        let link = sys::create_link(program.as_fd(), ifindex, place, flags);
        let failed = |io_error| SyscallError { call: "bpf_link_create", io_error };
        link.map(Self).map_err(|error| failed(error).into())
    }

    /// The index of the interface that it is on, in whichever namespace that is now; `None` when the
    /// interface is gone or somebody has detached the link.
    pub(crate) fn ifindex(&self) -> io::Result<Option<u32>> {
        sys::link_ifindex(self.0.as_fd())
    }
}
