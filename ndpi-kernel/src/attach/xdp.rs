//! XDP at ingress.

use aya::programs::{ProgramError, Xdp};
use ndpi_common::names::program;

use super::bpf_link::BpfLink;
use super::interface::{interface_at, is_above};
use super::link_store::LinkStore;
use super::program_name::program_name;
use super::veth;
use super::{AttachError, Mode};
use crate::netlink::{Interface, XdpPlace, interfaces};
use crate::sys::link::{Held, LinkPlace};

/// The XDP program on one interface.
#[derive(Debug)]
pub(crate) struct XdpLink {
    pub(crate) mode: Mode,
    pub(crate) link: BpfLink,
    /// The kernel's number for the program.
    program: u32,
}

/// `XDP_FLAGS_SKB_MODE` and `XDP_FLAGS_DRV_MODE` (`linux/if_link.h`).
const GENERIC: u32 = 1 << 1;
const NATIVE: u32 = 1 << 2;

impl XdpLink {
    /// Attaches `program` in the wanted mode; says how it is attached. Where an instance that is gone has
    /// left a program there, that one is replaced.
    pub(crate) fn attach(
        program: &Xdp,
        interface: &Interface,
        mode: Mode,
        store: &mut LinkStore,
    ) -> Result<Self, AttachError> {
        let number = program.info().map_err(refused(interface))?.id();
        let Some((mut link, held)) = store.take(LinkPlace::Xdp, interface) else {
            let (mode, link) = Self::attach_first(program, interface, mode, store)?;
            return Ok(Self { mode, link, program: number });
        };
        if let Some(mode) = take_over(program, interface, mode, &link, held) {
            return Ok(Self { mode, link, program: number });
        }
        link.set_stays(false);
        drop(link);
        let interface = &interface_at(interface.index)?;
        let (mode, link) = Self::attach_first(program, interface, mode, store)?;
        Ok(Self { mode, link, program: number })
    }

    fn attach_first(
        program: &Xdp,
        interface: &Interface,
        mode: Mode,
        store: &LinkStore,
    ) -> Result<(Mode, BpfLink), AttachError> {
        refuse_if_occupied(interface)?;
        let (mode, mut link) = make_link(program, interface, veth::mode(interface, mode))?;
        store.pin(&mut link, LinkPlace::Xdp, interface);
        Ok((mode, link))
    }

    /// Whether the program is among those on an interface as it was seen.
    pub(crate) fn is_on(&self, seen: &Interface) -> bool {
        seen.xdp.iter().any(|attached| attached.program == self.program)
    }
}

/// Puts `program` in the place of the one that the link of an instance which is gone holds, and gives its
/// mode; `None` where that is not the wanted one, or the kernel refuses.
fn take_over(
    program: &Xdp,
    interface: &Interface,
    wanted: Mode,
    link: &BpfLink,
    held: Held,
) -> Option<Mode> {
    let name = &interface.name;
    let on = interface.xdp.iter().find(|attached| attached.program == held.program)?;
    let mode = if on.place == XdpPlace::Generic { Mode::Generic } else { Mode::Native };
    if ![Mode::Auto, mode].contains(&wanted) {
        let place = on.place.name();
        log::warn!("{name}: XDP leaves {place} mode: for a moment no program sees what comes in");
        return None;
    }
    match program.fd().and_then(|fd| link.give(fd)) {
        Ok(()) => Some(mode),
        Err(error) => {
            let error = anyhow::Error::new(error);
            log::warn!(
                "{name}: XDP is attached again, as its program cannot be replaced: {error:#}"
            );
            None
        }
    }
}

/// Links `program` to an interface that has none, and says in which mode.
fn make_link(
    program: &Xdp,
    interface: &Interface,
    mode: Mode,
) -> Result<(Mode, BpfLink), AttachError> {
    let attach = |flags| BpfLink::new(program.fd()?, interface.index, LinkPlace::Xdp, flags);
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
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return io.raw_os_error();
        }
        error = cause.source();
    }
    None
}
