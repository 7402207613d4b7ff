//! XDP at ingress.

use aya::programs::{ProgramError, Xdp, loaded_programs};
use ndpi_common::names::program;

use super::bpf_link::BpfLink;
use super::interface::is_above;
use super::veth;
use super::{AttachError, Mode};
use crate::netlink::{Interface, interfaces};
use crate::sys::LinkPlace;

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
    /// Attaches `program` in the wanted mode; says how it is attached.
    pub(crate) fn attach(
        program: &Xdp,
        interface: &Interface,
        mode: Mode,
    ) -> Result<Self, AttachError> {
        refuse_if_occupied(interface)?;
        let mode = veth::mode(interface, mode);
        let refused = |source| AttachError::Refused {
            what: "the XDP program",
            interface: interface.name.clone(),
            source,
        };
        let number = program.info().map_err(refused)?.id();
        let attach = |flags| BpfLink::new(program.fd()?, interface.index, LinkPlace::Xdp, flags);
        let refused = |source| below(interface, &source).unwrap_or_else(|| refused(source));
        if mode != Mode::Generic {
            match attach(NATIVE) {
                Ok(link) => return Ok(Self { mode: Mode::Native, link, program: number }),
                Err(source) if is_taken(&source) => return Err(refused(source)),
                Err(source) if mode == Mode::Native => {
                    let interface = interface.name.clone();
                    return Err(AttachError::NativeRefused { interface, source });
                }
                Err(source) => warn_of_fallback(interface, source),
            }
        }
        let link = attach(GENERIC).map_err(refused)?;
        Ok(Self { mode: Mode::Generic, link, program: number })
    }

    /// Whether the program is among those on an interface as it was seen.
    pub(crate) fn is_on(&self, seen: &Interface) -> bool {
        seen.xdp.iter().any(|attached| attached.program == self.program)
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

/// The name of the loaded program with this number.
pub(super) fn program_name(id: u32) -> Option<String> {
    let info = loaded_programs().flatten().find(|info| info.id() == id)?;
    info.name_as_str().filter(|name| !name.is_empty()).map(str::to_owned)
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
