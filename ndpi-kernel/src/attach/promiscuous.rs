//! Interfaces that take frames for any receiver, as the ends of a wire must.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::AttachError;
use crate::netlink::Interface;

/// Keeps an interface promiscuous (packet(7)) until it is dropped; the kernel counts who wants it.
#[derive(Debug)]
pub(crate) struct Promiscuous {
    _socket: OwnedFd,
}

impl Promiscuous {
    pub(crate) fn set(interface: &Interface) -> Result<Self, AttachError> {
        let failed =
            |source| AttachError::Promiscuous { interface: interface.name.clone(), source };
        // No protocol: nothing is received through it.
        let (family, kind) = (AddressFamily::PACKET, SocketType::DGRAM);
        let socket =
            socket_with(family, kind, SocketFlags::CLOEXEC, None).map_err(|e| failed(e.into()))?;
        add(&socket, interface.index).map_err(failed)?;
        Ok(Self { _socket: socket })
    }
}

fn add(socket: &OwnedFd, index: u32) -> io::Result<()> {
    let wanted = libc::packet_mreq {
        mr_ifindex: index.cast_signed(),
        mr_type: libc::PACKET_MR_PROMISC.try_into().map_err(io::Error::other)?,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    let len = libc::socklen_t::try_from(size_of_val(&wanted)).map_err(io::Error::other)?;
    // SAFETY: the socket is open, and the kernel reads `wanted`, whose size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const wanted).cast(),
            len,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
