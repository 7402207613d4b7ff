//! Programs on interfaces by links: each holds its program there as long as it is open or pinned.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use aya::programs::ProgramError;
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
    /// An instance that is gone has made it, whose place is not yet taken.
    is_anothers: bool,
    /// The program that it held before it was given another, where the kernel lets us have that.
    before: Option<OwnedFd>,
}

/// The name of a link among the pins.
#[derive(Debug)]
struct Pin {
    pins: LinkPins,
    name: String,
}

impl BpfLink {
    pub(super) fn new(
        program: BorrowedFd<'_>,
        ifindex: u32,
        place: LinkPlace,
        flags: u32,
    ) -> Result<Self, ProgramError> {
        let fd = link::create(program, ifindex, place, flags);
        let fd = fd.map_err(failed("bpf_link_create"))?;
        Ok(Self { fd, pin: None, stays: false, is_anothers: false, before: None })
    }

    /// Opens the link that an instance which is gone has pinned under `name`, and says what it holds; `None`
    /// where that is no link to an interface. Until it is known that nothing is wanted of it, it does what it
    /// did, also when this is dropped.
    pub(super) fn pinned(pins: &LinkPins, name: String) -> io::Result<Option<(Self, Held)>> {
        let fd = pins.get(&name)?;
        let Some(held) = link::held(fd.as_fd())? else { return Ok(None) };
        let pin = Some(Pin { pins: pins.clone(), name });
        Ok(Some((Self { fd, pin, stays: true, is_anothers: true, before: None }, held)))
    }

    /// Pins it, under a name that no other link has: from here on it outlives the process.
    pub(super) fn pin(&mut self, pins: &LinkPins) -> io::Result<()> {
        let Some(held) = link::held(self.fd.as_fd())? else { return Ok(()) };
        let name = name(&held);
        pins.pin(&name, self.fd.as_fd())?;
        self.pin = Some(Pin { pins: pins.clone(), name });
        Ok(())
    }

    /// Removes its pin: from here on it goes with the process.
    fn unpin(&mut self) {
        let Some(Pin { pins, name }) = self.pin.take() else { return };
        if let Err(error) = pins.remove(&name) {
            log::warn!("{error}; remove it with: ndpi-xdp detach (and the same --pin-dir)");
        }
    }

    /// Has it hold `program` in place of the one that it holds.
    pub(super) fn give(&mut self, program: BorrowedFd<'_>) -> Result<(), ProgramError> {
        let held = link::held(self.fd.as_fd()).ok().flatten();
        let before = held.and_then(|held| link::program(held.program).ok());
        link::update(self.fd.as_fd(), program).map_err(failed("bpf_link_update"))?;
        self.before = before;
        Ok(())
    }

    /// Has it hold again what it held before, as far as that can be had.
    pub(super) fn give_back(&mut self) {
        let Some(before) = self.before.take() else { return };
        if let Err(error) = link::update(self.fd.as_fd(), before.as_fd()) {
            log::debug!("giving a link its earlier program: {error}");
        }
    }

    /// The program that it held before it was given another, if that could be had.
    pub(super) fn take_before(&mut self) -> Option<OwnedFd> {
        self.before.take()
    }

    /// Whether an instance that is gone has made it, whose place is not yet taken.
    pub(super) fn is_anothers(&self) -> bool {
        self.is_anothers
    }

    /// Makes it this instance's own: it goes with it.
    pub(crate) fn take(&mut self) {
        (self.stays, self.is_anothers, self.before) = (false, false, None);
    }

    /// What it holds, and where.
    pub(super) fn held(&self) -> io::Result<Option<Held>> {
        link::held(self.fd.as_fd())
    }

    /// The index of the interface that it is on, in whichever namespace that is now; `None` when the
    /// interface is gone or somebody has detached the link.
    pub(crate) fn ifindex(&self) -> io::Result<Option<u32>> {
        Ok(self.held()?.and_then(|held| held.ifindex))
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

/// What a link is called among the pins. Interfaces of several namespaces have the same indices, and links no
/// number twice.
fn name(held: &Held) -> String {
    let place = match held.place {
        LinkPlace::Xdp => "xdp",
        LinkPlace::TcxIngress => "ingress",
        LinkPlace::TcxEgress => "egress",
    };
    format!("{place}-{}-{}", held.ifindex.unwrap_or_default(), held.id)
}

fn failed(call: &'static str) -> impl Fn(io::Error) -> SyscallError {
    move |io_error| SyscallError { call, io_error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_on_interfaces_of_one_index_have_names_of_their_own() {
        let held = |place, id| name(&Held { place, id, program: 7, ifindex: Some(5) });
        assert_eq!(held(LinkPlace::Xdp, 12), "xdp-5-12");
        assert_ne!(held(LinkPlace::Xdp, 12), held(LinkPlace::Xdp, 13));
        assert_ne!(held(LinkPlace::TcxIngress, 12), held(LinkPlace::TcxEgress, 12));
    }
}
