//! A wire on which every frame takes its time: what netem(8) does, which not every kernel has.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};
use testkit::interface;

/// More than the largest frame where nothing is segmented later.
const FRAME: usize = 2048;
/// How long is waited for a frame where none is under way.
const PAUSE: Duration = Duration::from_millis(20);

/// Frames under way between two interfaces; dropping it cuts the wire.
pub(crate) struct DelayLine {
    over: Arc<AtomicBool>,
    directions: Vec<JoinHandle<()>>,
}

impl DelayLine {
    /// Joins two interfaces of this thread's namespace. Each frame is under way for so long.
    pub(crate) fn join(ends: [&str; 2], delay: Duration) -> Result<Self, Box<dyn Error>> {
        let over = Arc::new(AtomicBool::new(false));
        let [a, b] = [open(ends[0])?, open(ends[1])?];
        let ways = [(a.try_clone()?, b.try_clone()?), (b, a)];
        let directions = ways.map(|(from, to)| {
            let over = Arc::clone(&over);
            thread::spawn(move || carry(&from, &to, delay, &over))
        });
        Ok(Self { over, directions: directions.into() })
    }
}

impl Drop for DelayLine {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for direction in self.directions.drain(..) {
            let _ = direction.join();
        }
    }
}

/// Carries frames one way until it is `over`.
fn carry(from: &Socket, to: &Socket, delay: Duration, over: &AtomicBool) {
    let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    while !over.load(Ordering::Relaxed) {
        let due = under_way.front().map(|(due, _)| *due);
        let wait = due.map_or(PAUSE, |due| due.saturating_duration_since(Instant::now()));
        if let Ok(Some(frame)) = receive(from, wait) {
            under_way.push_back((Instant::now() + delay, frame));
        }
        while let Some((_, frame)) = under_way.pop_front_if(|(due, _)| *due <= Instant::now()) {
            // A wire loses frames that nobody takes.
            let _ = to.send(&frame);
        }
    }
}

/// The next frame, if one comes soon enough. (A socket that is to wait for no time at all would wait for ever.)
fn receive(from: &Socket, wait: Duration) -> io::Result<Option<Vec<u8>>> {
    from.set_read_timeout(Some(wait.max(Duration::from_micros(50))))?;
    let mut buffer = [MaybeUninit::uninit(); FRAME];
    match from.recv(&mut buffer) {
        Ok(length) => {
            // SAFETY: the kernel has written so many bytes.
            let frame = buffer[..length].iter().map(|byte| unsafe { byte.assume_init() });
            Ok(Some(frame.collect()))
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A socket with the frames that come in on an interface, and no others (packet(7)).
fn open(name: &str) -> Result<Socket, Box<dyn Error>> {
    let all = Protocol::from(i32::from(u16::try_from(libc::ETH_P_ALL)?.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(all))?;
    ignore_outgoing(&socket)?;
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: room for an address of any kind, zeroed, which is one of this kind for all zeros.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = u16::try_from(libc::AF_PACKET)?;
    address.sll_protocol = u16::try_from(libc::ETH_P_ALL)?.to_be();
    address.sll_ifindex = i32::try_from(interface::index(name)?)?;
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>())?;
    // SAFETY: written just now, of this length.
    socket.bind(&unsafe { SockAddr::new(storage, length) })?;
    Ok(socket)
}

/// What we send there is not to come back.
fn ignore_outgoing(socket: &Socket) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let (on, length) = (1 as libc::c_int, size_of::<libc::c_int>());
    let length = libc::socklen_t::try_from(length).map_err(io::Error::other)?;
    // SAFETY: the option's value is an integer of this length.
    let result = unsafe {
        let value = (&raw const on).cast();
        let (level, option) = (libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING);
        libc::setsockopt(socket.as_raw_fd(), level, option, value, length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
