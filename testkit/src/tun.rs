//! An interface without a link header whose other end is the test (`Documentation/networking/tuntap.rst`).

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd as _;

use crate::checksum::checksum;
use crate::interface;
use crate::sandbox::Sandbox;

/// The interface's address.
pub const HERE: Ipv4Addr = Ipv4Addr::new(198, 18, 8, 1);
/// The one that the test has.
pub const THERE: Ipv4Addr = Ipv4Addr::new(198, 18, 8, 2);

/// A tun interface in a sandbox; it goes with its value.
pub struct Tun(File);

impl Tun {
    /// An interface of this name, up, with an address.
    pub fn new(sandbox: &Sandbox, name: &str) -> Self {
        Self::up(sandbox, name, libc::ARPHRD_NONE)
    }

    /// The same that claims to be of another type (`ARPHRD_…`).
    pub fn up(sandbox: &Sandbox, name: &str, hardware: u16) -> Self {
        let tun = Self::of_type(sandbox, name, hardware);
        // Or the kernel says things of its own.
        sandbox.network.set(&format!("ipv6/conf/{name}/disable_ipv6"), "1").unwrap();
        sandbox.ip(&format!("address add {HERE} peer {THERE} dev {name}"));
        sandbox.ip(&format!("link set {name} up"));
        tun
    }

    fn down(sandbox: &Sandbox, name: &str) -> Self {
        Self(sandbox.inside(|| open(name, libc::IFF_TUN)).unwrap())
    }

    /// An Ethernet interface, up, without an address.
    pub fn tap(sandbox: &Sandbox, name: &str) -> Self {
        let tap = Self(sandbox.inside(|| open(name, libc::IFF_TAP)).unwrap());
        sandbox.network.set(&format!("ipv6/conf/{name}/disable_ipv6"), "1").unwrap();
        sandbox.ip(&format!("link set {name} up"));
        tap
    }

    /// Has a frame (of a tap) or packet come in, from the other end.
    pub fn send(&self, frame: &[u8]) {
        (&self.0).write_all(frame).unwrap();
    }

    /// An interface of such a type that is down.
    pub fn of_type(sandbox: &Sandbox, name: &str, hardware: u16) -> Self {
        let tun = Self::down(sandbox, name);
        // SAFETY: this command takes a number.
        let result = unsafe {
            libc::ioctl(tun.0.as_raw_fd(), libc::TUNSETLINK, libc::c_ulong::from(hardware))
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        tun
    }

    /// Has a UDP packet come in, from the other end.
    pub fn come_in(&self, ports: [u16; 2], payload: &[u8]) {
        let len = |headers: usize| u16::try_from(headers + payload.len()).unwrap().to_be_bytes();
        let mut ip = [&[0x45, 0][..], &len(28), &[0, 1, 0x40, 0, 64, 17, 0, 0]].concat();
        ip.extend(THERE.octets());
        ip.extend(HERE.octets());
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        let udp = [&ports.map(u16::to_be_bytes).concat()[..], &len(8), &[0, 0], payload].concat();
        self.send(&[ip, udp].concat());
    }

    /// Packets with this payload that went out and were not read before.
    pub fn gone_out(&self, payload: &[u8]) -> usize {
        let mut buffer = [0; 2048];
        let mut count = 0;
        while let Ok(len) = (&self.0).read(&mut buffer) {
            count += usize::from(buffer[..len].ends_with(payload));
        }
        count
    }
}

/// `TUNSETIFF` on a new descriptor: no protocol information before packets, and reading never waits.
fn open(name: &str, kind: libc::c_int) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    let mut request = interface::request(name);
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(kind | libc::IFF_NO_PI).unwrap();
    // SAFETY: the kernel reads and writes the request, which lives until it returns.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if result == 0 { Ok(file) } else { Err(io::Error::last_os_error()) }
}
