//! XDP at ingress.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use aya::programs::{ProgramError, Xdp};
use aya::sys::SyscallError;
use ndpi_common::names::program;

use super::bpf_link::BpfLink;
use super::interface::{interface_at, is_above};
use super::link_store::LinkStore;
use super::program_name::program_name;
use super::veth;
use super::{AttachError, Mode};
use crate::lock::user_of;
use crate::netlink::{Interface, XdpPlace, interfaces, runs_xdp};
use crate::sys::link::{Held, LinkPlace};

/// The XDP program on one interface.
#[derive(Debug)]
pub(crate) struct XdpLink {
    pub(crate) mode: Mode,
    pub(crate) link: BpfLink,
    /// The kernel's number for the program.
    program: u32,
    /// What was there in another mode, until the place of the instance that is gone is taken.
    before: Option<Before>,
}

/// A program of an instance that is gone, which was taken off to attach in another mode.
#[derive(Debug)]
struct Before {
    mode: Mode,
    program: OwnedFd,
}

/// `XDP_FLAGS_SKB_MODE` and `XDP_FLAGS_DRV_MODE` (`linux/if_link.h`).
const GENERIC: u32 = 1 << 1;
const NATIVE: u32 = 1 << 2;

impl XdpLink {
    /// Attaches `program` in the wanted mode; says how it is attached. Where an instance that is gone has
    /// left a program there, that one is replaced; where this fails, it is there as before.
    pub(crate) fn attach(
        program: &Xdp,
        interface: &Interface,
        mode: Mode,
        store: &mut LinkStore,
    ) -> Result<Self, AttachError> {
        let number = program.info().map_err(refused(interface))?.id();
        let fd = program.fd().map_err(refused(interface))?.as_fd();
        let Some(was) = store.find(LinkPlace::Xdp, interface).map(|held| mode_of(interface, &held))
        else {
            let (mode, link) = Self::attach_first(fd, interface, mode, store)?;
            return Ok(Self { mode, link, program: number, before: None });
        };
        if mode == Mode::Native && was == Mode::Generic {
            check_native(interface)?;
        }
        let Some((link, given)) = store.take_over(LinkPlace::Xdp, interface, (fd, number)) else {
            return Err(AttachError::Gone(interface.index));
        };
        match given.map_err(anyhow::Error::new) {
            Ok(()) if [Mode::Auto, was].contains(&mode) => {
                return Ok(Self { mode: was, link, program: number, before: None });
            }
            Ok(()) => log::warn!(
                "{}: XDP changes its mode: for a moment no program sees what comes in",
                interface.name
            ),
            Err(error) => log::warn!(
                "{}: XDP is attached again, as its program cannot be replaced: {error:#}",
                interface.name
            ),
        }
        let (mode, link, before) = Self::attach_again(fd, interface, (mode, was), link, store)?;
        Ok(Self { mode, link, program: number, before: Some(before) })
    }

    fn attach_first(
        program: BorrowedFd<'_>,
        interface: &Interface,
        mode: Mode,
        store: &LinkStore,
    ) -> Result<(Mode, BpfLink), AttachError> {
        refuse_if_occupied(interface)?;
        let (mode, mut link) = make_link(program, interface, veth::mode(interface, mode))?;
        store.pin(&mut link, interface);
        Ok((mode, link))
    }

    /// Takes the link of the earlier instance off and attaches in the wanted mode; where that is refused, what
    /// was there is there again.
    fn attach_again(
        program: BorrowedFd<'_>,
        interface: &Interface,
        (wanted, was): (Mode, Mode),
        mut link: BpfLink,
        store: &mut LinkStore,
    ) -> Result<(Mode, BpfLink, Before), AttachError> {
        let own = || program.try_clone_to_owned().map_err(|error| refused(interface)(error.into()));
        let before = link.take_before().map_or_else(own, Ok)?;
        let before = Before { mode: was, program: before };
        link.set_stays(false);
        drop(link);
        let attached = interface_at(interface.index)
            .and_then(|interface| Self::attach_first(program, &interface, wanted, store));
        match attached {
            Ok((mode, link)) => Ok((mode, link, before)),
            Err(error) => {
                before.restore(interface, store);
                Err(error)
            }
        }
    }

    /// Takes it off, or where it is in the place of one of an instance that is gone, puts that one back.
    pub(crate) fn give_back(self, interface: &Interface, store: &mut LinkStore) {
        let Self { mut link, before, .. } = self;
        if let Some(before) = before {
            drop(link);
            before.restore(interface, store);
        } else if link.is_anothers() {
            link.give_back();
            store.put_back(link);
        }
    }

    /// Makes it this instance's own.
    pub(crate) fn take(&mut self) {
        self.link.take();
        self.before = None;
    }

    /// Whether the program is among those on an interface as it was seen.
    pub(crate) fn is_on(&self, seen: &Interface) -> bool {
        seen.xdp.iter().any(|attached| attached.program == self.program)
    }
}

impl Before {
    /// Attaches it again as it was.
    fn restore(self, interface: &Interface, store: &mut LinkStore) {
        let Self { mode, program } = self;
        let flags = if mode == Mode::Generic { GENERIC } else { NATIVE };
        match BpfLink::new(program.as_fd(), interface.index, LinkPlace::Xdp, flags) {
            Ok(mut link) => {
                store.pin(&mut link, interface);
                link.set_stays(true);
                store.put_back(link);
            }
            Err(error) => log::error!(
                "{}: what comes in is not enforced any more, as the program of before cannot be attached again: \
                 {:#}",
                interface.name,
                anyhow::Error::new(error)
            ),
        }
    }
}

/// The mode in which an interface runs the program that a link holds.
fn mode_of(interface: &Interface, held: &Held) -> Mode {
    let on = interface.xdp.iter().find(|attached| attached.program == held.program);
    match on.map(|on| on.place) {
        Some(XdpPlace::Generic) => Mode::Generic,
        _ => Mode::Native,
    }
}

/// Refuses native mode where the kernel says beforehand that the driver has none: what is there in another mode
/// has to be taken off to find out.
fn check_native(interface: &Interface) -> Result<(), AttachError> {
    if runs_xdp(interface.index).ok().flatten() != Some(false) {
        return Ok(());
    }
    let io_error = io::Error::from_raw_os_error(libc::EOPNOTSUPP);
    let source = SyscallError { call: "bpf_link_create", io_error }.into();
    Err(AttachError::NativeRefused { interface: interface.name.clone(), source })
}

/// Links `program` to an interface that has none, and says in which mode.
fn make_link(
    program: BorrowedFd<'_>,
    interface: &Interface,
    mode: Mode,
) -> Result<(Mode, BpfLink), AttachError> {
    let attach = |flags| BpfLink::new(program, interface.index, LinkPlace::Xdp, flags);
    let refused = |source| below(interface, &source).unwrap_or_else(|| refused(interface)(source));
    if mode != Mode::Generic {
        match attach(NATIVE) {
            Ok(link) => return Ok((Mode::Native, link)),
            Err(source) if is_taken(&source) => return Err(refused(source)),
            Err(source) if mode == Mode::Native => {
                let interface = interface.name.clone();
                return Err(AttachError::NativeRefused { interface, source });
            }
            Err(source) => warn_of_fallback(interface, source),
        }
    }
    Ok((Mode::Generic, attach(GENERIC).map_err(refused)?))
}

fn refused(interface: &Interface) -> impl Fn(ProgramError) -> AttachError {
    |source| AttachError::Refused {
        what: "the XDP program",
        interface: interface.name.clone(),
        source,
    }
}

fn refuse_if_occupied(interface: &Interface) -> Result<(), AttachError> {
    let Some(attached) = interface.xdp.first() else { return Ok(()) };
    let name = program_name(attached.program);
    Err(AttachError::Occupied {
        interface: interface.name.clone(),
        id: attached.program,
        ours: name.as_deref().is_some_and(is_ours),
        name,
        place: attached.place.name(),
        user: user_of(attached.program),
    })
}

/// The error for an interface that has a program above it, if that is what `source` means: the
/// interface itself had none before.
fn below(interface: &Interface, source: &ProgramError) -> Option<AttachError> {
    if os_error(source) != Some(libc::EEXIST) {
        return None;
    }
    let all = interfaces().unwrap_or_default();
    let above = all.iter().filter(|other| is_above(other, interface) && !other.xdp.is_empty());
    let above = above.map(|other| other.name.clone()).collect();
    Some(AttachError::Below { interface: interface.name.clone(), above })
}

/// Whether one of our XDP programs has this name.
pub(super) fn is_ours(name: &str) -> bool {
    [program::XDP, program::XDP_L3].contains(&name)
}

fn warn_of_fallback(interface: &Interface, source: ProgramError) {
    let error = anyhow::Error::new(source);
    log::warn!(
        "the driver of {} refuses XDP in native mode ({error:#}): using generic mode, which is \
         slower",
        interface.name
    );
}

/// Whether another program is in the way, which no other mode helps against.
fn is_taken(error: &ProgramError) -> bool {
    matches!(os_error(error), Some(libc::EBUSY | libc::EEXIST | libc::EPERM | libc::ENODEV))
}

/// The system's error behind one of aya's.
pub(super) fn os_error(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut error = Some(error);
    while let Some(cause) = error {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return io.raw_os_error();
        }
        error = cause.source();
    }
    None
}
