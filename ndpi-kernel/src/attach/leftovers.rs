//! Taking off what an instance that crashed has left: without its object, by what the kernel says.

use std::fmt;
use std::io;
use std::path::Path;

use aya::programs::ProgramError;
use aya::programs::links::Link;
use aya::programs::tc::{SchedClassifierLink, TcHandle};

use super::egress::{Side, remove_empty_clsact};
use super::filters::is_ours;
use super::link_store::LinkStore;
use super::program_name::program_name;
use super::xdp;
use crate::folder::{Folder, FolderError, On, Owner};
use crate::link_pins::LinkPins;
use crate::lock::{Lock, LockError, programs_in_use, remove_dead};
use crate::netlink::{Filter, Interface, detach_xdp, filters, interfaces};
use crate::pins;
use crate::preflight::{PreflightError, check_capabilities, check_may_list_programs};
use crate::sys::link::LinkPlace;

/// Something could not be taken off.
#[derive(Debug, thiserror::Error)]
pub enum DetachError {
    /// It needs privileges.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// A running instance holds it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The directory of the pins or of the locks cannot be used, or something in it not be removed.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The interfaces could not be listed.
    #[error("cannot list the network interfaces")]
    Interfaces(#[source] io::Error),
    /// A filter could not be removed.
    #[error("cannot remove our TC filter from {interface}")]
    Filter {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: Box<ProgramError>,
    },
    /// A program could not be taken off.
    #[error("cannot take our {what} off {interface}")]
    Program {
        /// What it is.
        what: &'static str,
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// What was taken off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detached {
    /// Pinned maps removed.
    pub pins: usize,
    /// Whether a socket for commands was removed.
    pub socket: bool,
    /// Interfaces whose XDP program was taken off.
    pub xdp: Vec<String>,
    /// Interfaces whose programs at tcx were taken off.
    pub tcx: Vec<String>,
    /// Interfaces whose TC filter was removed.
    pub filters: Vec<String>,
}

impl fmt::Display for Detached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str("nothing was left");
        }
        let mut parts = Vec::new();
        if !self.xdp.is_empty() {
            parts.push(format!("XDP programs on {}", self.xdp.join(", ")));
        }
        if !self.tcx.is_empty() {
            parts.push(format!("TC programs on {}", self.tcx.join(", ")));
        }
        if !self.filters.is_empty() {
            parts.push(format!("TC filters on {}", self.filters.join(", ")));
        }
        if self.pins > 0 {
            parts.push(format!("{} pinned maps", self.pins));
        }
        if self.socket {
            parts.push("the control socket".to_owned());
        }
        write!(f, "removed {}", parts.join(", "))
    }
}

/// Removes everything that an instance which is gone has left: its pins in `directory`, the
/// socket at which it took commands, and our programs on the interfaces of this network namespace, known by their names. Programs of
/// instances that are running with other pin directories stay.
///
/// # Errors
///
/// An instance that uses `directory` is running, or the kernel refused.
pub fn detach(directory: &Path) -> Result<Detached, DetachError> {
    check_capabilities()?;
    check_may_list_programs()?;
    let mut detached = Detached::default();
    let folder = Folder::open(directory, Owner::Given, On::Bpf)?;
    // Held to the end: no instance starts in between.
    let lock = folder.as_ref().map(Lock::take).transpose()?;
    if let (Some(folder), Some(lock)) = (&folder, &lock) {
        (detached.xdp, detached.tcx) = remove_links(directory)?;
        detached.pins = pins::remove(folder)?;
        detached.socket = lock.remove_socket()?;
    }
    detached.socket |= remove_dead()? > 0;
    let in_use = match &lock {
        Some(lock) => lock.programs_of_others(),
        None => programs_in_use()?,
    };
    for interface in interfaces().map_err(DetachError::Interfaces)? {
        if remove_xdp(&interface, &in_use)? {
            detached.xdp.push(interface.name.clone());
        }
        if remove_filters(&interface, &in_use)? {
            detached.filters.push(interface.name.clone());
        }
    }
    Ok(detached)
}

/// Takes off what is held by links that are pinned in `directory`; gives the interfaces with XDP, and those
/// with TC.
fn remove_links(directory: &Path) -> Result<(Vec<String>, Vec<String>), DetachError> {
    let Some(links) = LinkPins::open(directory)? else { return Ok(Default::default()) };
    let (mut xdp, mut tcx) = (Vec::new(), Vec::new());
    let mut store = LinkStore::open(links, Vec::new());
    // While the programs are on them: by the index alone, it might be another one.
    for (held, interface) in store.places() {
        let removed = if held.place == LinkPlace::Xdp { &mut xdp } else { &mut tcx };
        removed.push(interface);
    }
    store.release();
    for interfaces in [&mut xdp, &mut tcx] {
        interfaces.sort_unstable();
        interfaces.dedup();
    }
    Ok((xdp, tcx))
}

/// Removes our XDP programs that have no link.
fn remove_xdp(interface: &Interface, in_use: &[u32]) -> Result<bool, DetachError> {
    let mut removed = false;
    for attached in &interface.xdp {
        let is_ours = program_name(attached.program).as_deref().is_some_and(xdp::is_ours);
        if !is_ours || in_use.contains(&attached.program) {
            continue;
        }
        match detach_xdp(interface.index, attached.place) {
            Ok(()) => removed = true,
            // It has a link, of an instance with other pins, or that is there still.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(source) => {
                let (what, interface) = ("XDP program", interface.name.clone());
                return Err(DetachError::Program { what, interface, source });
            }
        }
    }
    Ok(removed)
}

/// Removes our filters, and `clsact` with the last one.
pub(crate) fn remove_filters(interface: &Interface, in_use: &[u32]) -> Result<bool, DetachError> {
    let egress = remove_filters_at(interface, Side::Egress, in_use)?;
    let ingress = remove_filters_at(interface, Side::Ingress, in_use)?;
    if egress || ingress {
        remove_empty_clsact(interface.index);
    }
    Ok(egress || ingress)
}

fn remove_filters_at(
    interface: &Interface,
    side: Side,
    in_use: &[u32],
) -> Result<bool, DetachError> {
    let failed = |source| DetachError::Program {
        what: "TC filter",
        interface: interface.name.clone(),
        source,
    };
    let (filters, _) = filters(interface.index, side.parent()).map_err(failed)?;
    let ours = |filter: &Filter| is_ours(filter) && !in_use.contains(&filter.program);
    let ours: Vec<_> = filters.into_iter().filter(ours).collect();
    for filter in &ours {
        let (handle, kind) = (TcHandle::from(filter.handle), side.attach_type());
        SchedClassifierLink::attached(&interface.name, kind, filter.priority, handle, None)
            .map_err(failed)?
            .detach()
            .map_err(|source| DetachError::Filter {
                interface: interface.name.clone(),
                source: Box::new(source),
            })?;
    }
    Ok(!ours.is_empty())
}
