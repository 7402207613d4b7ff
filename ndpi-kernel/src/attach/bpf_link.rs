//! Programs on interfaces by links: each holds its program there as long as it is open or pinned.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use aya::programs::{ProgramError, ProgramFd};
use aya::sys::SyscallError;

use crate::link_pins::LinkPins;
use crate::sys::link::{self, Held, LinkPlace};

/// A link to an interface. Dropping it takes the program off and removes its pin, unless it is to
/// [stay](BpfLink::set_stays).
#[derive(Debug)]
pub(crate) struct BpfLink {
    fd: OwnedFd,
    pin: Option<Pin>,
    stays: bool,
}

/// The name of a link among the pins.
#[derive(Debug)]
struct Pin {
    pins: LinkPins,
    name: String,
}

impl BpfLink {
    pub(super) fn new(
        program: &ProgramFd,
        ifindex: u32,
        place: LinkPlace,
        flags: u32,
    ) -> Result<Self, ProgramError> {
        let fd = link::create(program.as_fd(), ifindex, place, flags);
        let fd = fd.map_err(failed("bpf_link_create"))?;
        Ok(Self { fd, pin: None, stays: false })
    }

    /// Opens the link that is pinned under `name`, and says what it holds; `None` where that is no link to
    /// an interface.
    pub(super) fn pinned(pins: &LinkPins, name: String) -> io::Result<Option<(Self, Held)>> {
        let fd = pins.get(&name)?;
        let Some(held) = link::held(fd.as_fd())? else { return Ok(None) };
        let pin = Some(Pin { pins: pins.clone(), name });
        Ok(Some((Self { fd, pin, stays: false }, held)))
    }

    /// Pins it under `name`: from here on it outlives the process.
    pub(super) fn pin(&mut self, pins: &LinkPins, name: String) -> io::Result<()> {
        pins.pin(&name, self.fd.as_fd())?;
        self.pin = Some(Pin { pins: pins.clone(), name });
        Ok(())
    }

    /// Removes its pin: from here on it goes with the process.
    pub(super) fn unpin(&mut self) {
        let Some(Pin { pins, name }) = self.pin.take() else { return };
        if let Err(error) = pins.remove(&name) {
            log::warn!("{error}; remove it with: ndpi-xdp detach");
        }
    }

    /// Has it hold `program` in place of the one that it holds.
    pub(super) fn give(&self, program: &ProgramFd) -> Result<(), ProgramError> {
        let given = link::update(self.fd.as_fd(), program.as_fd());
        Ok(given.map_err(failed("bpf_link_update"))?)
    }

    /// The index of the interface that it is on, in whichever namespace that is now; `None` when the
    /// interface is gone or somebody has detached the link.
    pub(crate) fn ifindex(&self) -> io::Result<Option<u32>> {
        Ok(link::held(self.fd.as_fd())?.and_then(|held| held.ifindex))
    }

    /// Leaves the program on the interface, and the pin in its place, when it is dropped, or not. Without a
    /// pin, the program goes with the process.
    pub(crate) fn set_stays(&mut self, stays: bool) {
        self.stays = stays;
    }
}

impl Drop for BpfLink {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        self.unpin();
        // At once, also where another process has just inherited the descriptor. The interface may be gone.
        if let Err(error) = link::detach(self.fd.as_fd()) {
            log::debug!("detaching a link: {error}");
        }
    }
}

fn failed(call: &'static str) -> impl Fn(io::Error) -> SyscallError {
    move |io_error| SyscallError { call, io_error }
}
