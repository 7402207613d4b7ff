//! Taking off what an instance that crashed has left: without its object, by what the kernel says.

use std::fmt;
use std::io;
use std::path::Path;

use aya::programs::ProgramError;
use aya::programs::TcAttachType;
use aya::programs::links::Link;
use aya::programs::tc::{SchedClassifierLink, TcHandle};
use ndpi_common::names::program;

use super::egress::remove_empty_clsact;
use super::xdp::program_name;
use crate::kernel::lock::{Lock, LockError};
use crate::kernel::netlink::{EGRESS, Interface, detach_xdp, filters, interfaces};
use crate::kernel::pins::{self, PinError};
use crate::kernel::preflight::{PreflightError, check_capabilities};

/// Something could not be taken off.
#[derive(Debug, thiserror::Error)]
pub enum DetachError {
    /// It needs privileges.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// A running instance holds it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The pins could not be removed.
    #[error(transparent)]
    Pins(#[from] PinError),
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
    /// Interfaces whose XDP program was taken off.
    pub xdp: Vec<String>,
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
        if !self.filters.is_empty() {
            parts.push(format!("TC filters on {}", self.filters.join(", ")));
        }
        if self.pins > 0 {
            parts.push(format!("{} pinned maps", self.pins));
        }
        write!(f, "removed {}", parts.join(", "))
    }
}

/// Removes everything that an instance which is gone has left: its pins in `directory`, and our
/// programs on the interfaces of this network namespace, known by their names.
///
/// # Errors
///
/// An instance that uses `directory` is running, or the kernel refused.
pub fn detach(directory: &Path) -> Result<Detached, DetachError> {
    check_capabilities()?;
    let _lock = Lock::take(directory)?;
    let mut detached = Detached { pins: pins::remove(directory)?, ..Detached::default() };
    for interface in interfaces().map_err(DetachError::Interfaces)? {
        if remove_xdp(&interface)? {
            detached.xdp.push(interface.name.clone());
        }
        if remove_filters(&interface)? {
            detached.filters.push(interface.name.clone());
        }
    }
    Ok(detached)
}

/// Our XDP programs without a link; those with one went with their process.
fn remove_xdp(interface: &Interface) -> Result<bool, DetachError> {
    let mut removed = false;
    for attached in &interface.xdp {
        if program_name(attached.program).as_deref() != Some(program::XDP) {
            continue;
        }
        detach_xdp(interface.index, attached.place).map_err(|source| DetachError::Program {
            what: "XDP program",
            interface: interface.name.clone(),
            source,
        })?;
        removed = true;
    }
    Ok(removed)
}

fn remove_filters(interface: &Interface) -> Result<bool, DetachError> {
    let failed = |source| DetachError::Program {
        what: "TC filter",
        interface: interface.name.clone(),
        source,
    };
    let (filters, _) = filters(interface.index, EGRESS).map_err(failed)?;
    let ours: Vec<_> = filters.into_iter().filter(|filter| filter.name == program::TC).collect();
    for filter in &ours {
        let (handle, kind) = (TcHandle::from(filter.handle), TcAttachType::Egress);
        SchedClassifierLink::attached(&interface.name, kind, filter.priority, handle, None)
            .map_err(failed)?
            .detach()
            .map_err(|source| DetachError::Filter {
                interface: interface.name.clone(),
                source: Box::new(source),
            })?;
    }
    if !ours.is_empty() {
        remove_empty_clsact(interface.index);
    }
    Ok(!ours.is_empty())
}
