//! Which mode of XDP is better on a veth.
//!
//! In native mode a veth takes no packet that is to be segmented later: while a program is attached, the
//! driver switches segmentation offload off at the other end (`veth_xdp_set` in the kernel), and TCP goes
//! over packet by packet. In generic mode it goes over as it would without a program.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use super::Mode;
use crate::netlink::{Interface, Linked, XdpPlace, interfaces};

/// What is known of the other end of a veth.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OtherEnd {
    /// It is in this network namespace.
    Here {
        name: String,
        /// It hands over packets that are to be segmented later.
        offload: bool,
        /// It runs XDP in native mode itself.
        native: bool,
    },
    /// It is in another one, where its settings cannot be read.
    Elsewhere,
}

/// The mode in which XDP is to run on an interface for which `mode` was asked. Says why where that is not
/// the usual one, or costs much.
pub(super) fn mode(interface: &Interface, mode: Mode) -> Mode {
    if interface.kind.as_deref() != Some("veth") || mode == Mode::Generic {
        return mode;
    }
    let other = other_end(interface);
    if !other.loses_by_native() {
        return mode;
    }
    let name = &interface.name;
    if mode == Mode::Auto {
        log::info!("{name}: generic XDP, as native mode would slow TCP on a veth{other}");
        return Mode::Generic;
    }
    log::warn!(
        "{name} is a veth: native XDP takes TCP from it packet by packet, which can be several times \
         slower than --mode generic{other}"
    );
    mode
}

impl OtherEnd {
    fn loses_by_native(&self) -> bool {
        match self {
            Self::Here { offload, native, .. } => *offload && !native,
            // As veths are made.
            Self::Elsewhere => true,
        }
    }
}

impl fmt::Display for OtherEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here { name, .. } => {
                write!(f, " (unless its other end has no offload: ethtool -K {name} tso off)")
            }
            Self::Elsewhere => f.write_str(
                " (its other end is in another network namespace, where its settings cannot be read)",
            ),
        }
    }
}

fn other_end(interface: &Interface) -> OtherEnd {
    let Some(Linked::Here(index)) = interface.link else { return OtherEnd::Elsewhere };
    let all = interfaces().unwrap_or_default();
    let Some(other) = all.into_iter().find(|other| other.index == index) else {
        return OtherEnd::Elsewhere;
    };
    OtherEnd::Here {
        offload: segments_later(&other.name).unwrap_or(true),
        native: other.xdp.iter().any(|attached| attached.place == XdpPlace::Native),
        name: other.name,
    }
}

/// `ETHTOOL_GTSO` and `SIOCETHTOOL` (`linux/ethtool.h`, `linux/sockios.h`).
const GET_TSO: u32 = 0x1e;
const ETHTOOL: libc::Ioctl = 0x8946;

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Whether an interface of this network namespace is given TCP that is to be segmented later.
fn segments_later(interface: &str) -> io::Result<bool> {
    let mut value = Value { command: GET_TSO, data: 0 };
    // SAFETY: all zeros is a value of this plain structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name[..room].iter_mut().zip(interface.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // Any socket will do; this one sends nothing.
    let socket = UnixDatagram::unbound()?;
    // SAFETY: the kernel reads the request and writes the value that it points to; both live until it
    // returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), ETHTOOL, &raw mut request) };
    if result == 0 { Ok(value.data != 0) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::{OtherEnd, segments_later};

    #[test]
    fn native_mode_costs_where_the_other_end_has_offload_to_lose() {
        let here = |offload, native| {
            OtherEnd::Here { name: "other".into(), offload, native }.loses_by_native()
        };
        assert!(here(true, false) && OtherEnd::Elsewhere.loses_by_native());
        assert!(!here(false, false) && !here(true, true) && !here(false, true));
    }

    #[test]
    fn offload_is_read_of_interfaces_that_there_are() {
        segments_later("lo").unwrap();
        assert!(segments_later("no-such-if").is_err());
    }
}
