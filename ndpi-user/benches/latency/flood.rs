//! First packets of flows, each from an address that nobody has, at a steady rate.

use std::error::Error;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::ClockId;
use rustix::time::clock_gettime;

use testkit::checksum::checksum;
use testkit::interface;

use crate::place::{FAR_LINK, FAR_MAC, NEAR, NEAR_MAC};

/// What a flood consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// TCP connections that are opened.
    Syn,
    /// UDP packets whose payload nDPI makes nothing of.
    Udp,
}

/// A flood, bounded in rate, time and, by both, count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flood {
    pub(crate) kind: Kind,
    /// Packets a second.
    pub(crate) rate: u32,
    pub(crate) longest: Duration,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) packets: u64,
    pub(crate) lasted: Duration,
    /// Processor time that it took, with all that the kernel does on this CPU until a packet has arrived.
    pub(crate) busy: Duration,
}

impl Flood {
    /// Sends from the namespace that this thread is in, from the last CPU, until `stop` says so or it has
    /// lasted for long enough.
    pub(crate) fn send(&self, stop: &AtomicBool) -> Result<Sent, Box<dyn Error + Send + Sync>> {
        testkit::cpu::stay_on_last()?;
        let socket = Socket::open(interface::index(FAR_LINK)?.try_into()?, true)?;
        let most = u64::from(self.rate) * self.longest.as_secs();
        let (mut frames, mut packets, began) = (Frames::new(self.kind), 0, Instant::now());
        while !stop.load(Ordering::Relaxed) && began.elapsed() < self.longest && packets < most {
            let elapsed = u64::try_from(began.elapsed().as_micros())?;
            let due = elapsed * u64::from(self.rate) / 1_000_000;
            // Where the CPU was another's for a while, not all at once what was due meanwhile.
            let now = due.min(packets + u64::from(self.rate) / 200);
            (packets..now).try_for_each(|_| socket.send(frames.next()))?;
            packets = packets.max(now);
            thread::sleep(Duration::from_micros(200));
        }
        let busy = clock_gettime(ClockId::ThreadCPUTime);
        let busy = Duration::try_from(busy).unwrap_or_default();
        Ok(Sent { packets, lasted: began.elapsed(), busy })
    }
}

/// A packet socket (packet(7)).
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Opens one that is bound to an interface of this thread's namespace. One that `bypasses` the queueing discipline
    /// passes no program at egress either.
    pub(crate) fn open(interface: i32, bypasses: bool) -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: opened just now, and nobody else has it.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        // SAFETY: integers and an array: all zeros is an address.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET.try_into().unwrap_or_default();
        address.sll_ifindex = interface;
        let length = size_of::<libc::sockaddr_ll>().try_into().unwrap_or_default();
        // SAFETY: the kernel reads an address of this length, which lives until it returns.
        let bound = unsafe { libc::bind(fd, (&raw const address).cast(), length) };
        let (value, size) = (i32::from(bypasses), size_of::<i32>().try_into().unwrap_or_default());
        // SAFETY: as above, a number.
        let set = unsafe {
            let (level, option) = (libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS);
            libc::setsockopt(fd, level, option, (&raw const value).cast(), size)
        };
        if bound < 0 || set < 0 { Err(io::Error::last_os_error()) } else { Ok(socket) }
    }

    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: the kernel reads the frame, which lives until it returns.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        match sent {
            // A full queue of the interface is no reason to stop.
            -1 if io::Error::last_os_error().raw_os_error() != Some(libc::ENOBUFS) => {
                Err(io::Error::last_os_error())
            }
            _ => Ok(()),
        }
    }
}

/// Frames, one after the other, from 198.19.0.0/16 and all ports above 32767.
struct Frames {
    kind: Kind,
    frame: Vec<u8>,
    number: u32,
}

/// Where IP begins in a frame, and where its payload does.
const IP: usize = 14;
const PORTS: usize = IP + 20;
const UDP_PAYLOAD: usize = PORTS + 8;

impl Frames {
    fn new(kind: Kind) -> Self {
        let mut frame = [&NEAR_MAC[..], &FAR_MAC, &[8, 0]].concat();
        let (protocol, transport) = match kind {
            Kind::Syn => (6, syn(443)),
            Kind::Udp => (17, datagram(4433)),
        };
        frame.extend(ip(protocol, transport.len()));
        frame.extend(transport);
        Self { kind, frame, number: 1 }
    }

    fn next(&mut self) -> &[u8] {
        self.number = self.number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, d] = self.number.to_be_bytes();
        self.frame[IP + 14..IP + 16].copy_from_slice(&[a, b]);
        self.frame[PORTS..PORTS + 2].copy_from_slice(&[c | 0x80, d]);
        if self.kind == Kind::Udp {
            self.frame[UDP_PAYLOAD..UDP_PAYLOAD + 4].copy_from_slice(&[d | 0x80, c, b, a]);
        }
        self.frame[IP + 10..IP + 12].fill(0);
        let sum = checksum(&self.frame[IP..PORTS]);
        self.frame[IP + 10..IP + 12].copy_from_slice(&sum.to_be_bytes());
        &self.frame
    }
}

/// An IPv4 header (RFC 791, section 3.1) before so many bytes, without its checksum.
fn ip(protocol: u8, payload: usize) -> [u8; 20] {
    let mut header = [0; 20];
    let length = u16::try_from(20 + payload).unwrap_or_default();
    (header[0], header[8], header[9]) = (0x45, 64, protocol);
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header[12..14].copy_from_slice(&[198, 19]);
    header[16..20].copy_from_slice(&NEAR.octets());
    header
}

/// A TCP header that opens a connection (RFC 9293, section 3.1). Its checksum is wrong, so that no stack
/// answers.
fn syn(port: u16) -> Vec<u8> {
    let mut header = vec![0; 20];
    header[2..4].copy_from_slice(&port.to_be_bytes());
    header[12..16].copy_from_slice(&[0x50, 0x02, 0xff, 0xff]);
    header
}

/// A UDP datagram (RFC 768) of 64 bytes that are nobody's protocol. Its checksum is wrong too.
fn datagram(port: u16) -> Vec<u8> {
    let mut datagram = vec![0xa5; 8 + 64];
    datagram[2..4].copy_from_slice(&port.to_be_bytes());
    datagram[4..8].copy_from_slice(&[0, 72, 0xba, 0xad]);
    datagram
}
