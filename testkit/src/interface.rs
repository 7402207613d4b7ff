//! Interfaces of this thread's network namespace.

use std::ffi::CString;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;

const SIOCETHTOOL: libc::c_ulong = 0x8946;

/// What a driver does for the kernel, by the command of `linux/ethtool.h` that sets it.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Feature {
    /// Filling in checksums of what is sent (`ETHTOOL_STXCSUM`).
    TransmitChecksum = 0x17,
    /// TCP segmentation offload (`ETHTOOL_STSO`).
    Segmentation = 0x1f,
    /// Generic receive offload (`ETHTOOL_SGRO`); veth then receives in batches (NAPI).
    ReceiveOffload = 0x2c,
}

/// The index of an interface.
pub fn index(interface: &str) -> io::Result<u32> {
    let name = CString::new(interface)?;
    // SAFETY: a string that ends in zero.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// Switches a feature of an interface, as ethtool(8) does.
pub fn switch(interface: &str, feature: Feature, on: bool) -> io::Result<()> {
    /// `struct ethtool_value`.
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    let mut value = Value { command: feature as u32, data: on.into() };
    let mut request = request(interface);
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    // SAFETY: the kernel reads the request and the value that it points to; both live until it
    // returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A request about an interface (netdevice(7)), with its name and nothing else.
pub(crate) fn request(interface: &str) -> libc::ifreq {
    // SAFETY: integers, arrays and pointers, for all of which zeros are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = interface.bytes().take(libc::IFNAMSIZ - 1);
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request
}
