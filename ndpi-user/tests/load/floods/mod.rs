//! `ndpi-xdp run` under floods: what is blocked stays blocked, what is allowed stays allowed, and it is
//! said.

mod everything;
mod new_flows;
mod tcp;

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testkit::instance::Instance;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::wait_until;

use crate::try_flood;

/// Only DNS is allowed, and nothing is blocked but what nDPI knows.
pub(crate) const POLICY: &str = "default = \"drop\"
undecided = \"drop\"

[[rule]]
name = \"only DNS\"
app = \"DNS\"
action = \"count\"

[[rule]]
name = \"no NTP\"
app = \"NTP\"
action = \"drop\"
";

/// A query for the address of `a.example` (RFC 1035, section 4.1).
pub(crate) const QUERY: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01";

pub(crate) const DNS: u16 = 53;
pub(crate) const NTP: u16 = 123;

/// A client's request (RFC 5905, section 7.3): version 4, mode 3.
pub(crate) fn request() -> Vec<u8> {
    let mut request = vec![0; 48];
    request[0] = 0x23;
    request
}

/// Both ends of one flow, from the far end to a port of the near one.
pub(crate) struct Talk {
    client: UdpSocket,
    server: UdpSocket,
}

impl Talk {
    pub(crate) fn new(pair: &Pair, from: u16, to: u16, server: &UdpSocket) -> Self {
        let client = pair.far(|| UdpSocket::bind((FAR, from)).unwrap());
        client.connect((NEAR, to)).unwrap();
        client.set_nonblocking(true).unwrap();
        Self { client, server: server.try_clone().unwrap() }
    }

    /// Whether a packet from the client arrives; if so, the server answers. On veth, what is not
    /// dropped has arrived by the time it is sent.
    pub(crate) fn arrives(&self, content: &[u8]) -> bool {
        self.client.send(content).unwrap();
        let port = self.client.local_addr().unwrap().port();
        let arrived = std::iter::from_fn(|| self.server.recv_from(&mut [0; 512]).ok());
        let from = arrived.filter(|(_, from)| from.ip() == FAR.parse::<Ipv4Addr>().unwrap());
        let Some((_, from)) = from.filter(|(_, from)| from.port() == port).last() else {
            return false;
        };
        self.server.send_to(content, from).unwrap();
        true
    }

    /// Whether an answer has come back.
    pub(crate) fn is_answered(&self) -> bool {
        std::iter::from_fn(|| self.client.recv(&mut [0; 512]).ok()).count() > 0
    }
}

/// A server at the near end.
pub(crate) fn server(pair: &Pair, port: u16) -> UdpSocket {
    let socket = pair.near(|| UdpSocket::bind((NEAR, port)).unwrap());
    socket.set_nonblocking(true).unwrap();
    socket
}

/// Raises a flag when it goes, by a panic too.
struct Raise<'a>(&'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends requests to a port of the near end, each with a sender that is made up, at most `per_second`.
pub(crate) fn flood(
    pair: &Pair,
    senders: std::ops::Range<u32>,
    content: &[u8],
    port: u16,
    per_second: u32,
) {
    let mut packet = [&[0; 28], content].concat();
    let length = u16::try_from(packet.len()).unwrap();
    (packet[0], packet[8], packet[9]) = (0x45, 64, 17);
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[16..20].copy_from_slice(&NEAR.parse::<Ipv4Addr>().unwrap().octets());
    packet[22..24].copy_from_slice(&port.to_be_bytes());
    packet[24..26].copy_from_slice(&(length - 20).to_be_bytes());
    pair.far(|| {
        let socket = RawSocket::new();
        let began = Instant::now();
        for (sent, sender) in (0_u32..).zip(senders) {
            // 198.19.0.0/16, and ports where those are not enough.
            packet[12..16].copy_from_slice(&(0xc613_0000 | sender & 0xffff).to_be_bytes());
            packet[20] = 200 + u8::try_from(sender >> 16).unwrap();
            socket.send(&packet);
            if sent.is_multiple_of(256) {
                let due = Duration::from_secs(sent.into()) / per_second;
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
        }
    });
}

/// A socket for packets with IP headers of our own.
pub(crate) struct RawSocket(OwnedFd);

impl RawSocket {
    pub(crate) fn new() -> Self {
        // SAFETY: no pointers.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW) };
        assert!(fd >= 0, "a raw socket: {}", std::io::Error::last_os_error());
        // SAFETY: opened just now, and nobody else has it.
        Self(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    pub(crate) fn send(&self, packet: &[u8]) {
        // SAFETY: all zeros is an address of this plain structure.
        let mut to: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        to.sin_family = libc::AF_INET.try_into().unwrap();
        to.sin_addr.s_addr = u32::from_ne_bytes(NEAR.parse::<Ipv4Addr>().unwrap().octets());
        let length = size_of::<libc::sockaddr_in>().try_into().unwrap();
        // SAFETY: the kernel reads the packet and the address, which live until it returns.
        let sent = unsafe {
            libc::sendto(
                self.0.as_raw_fd(),
                packet.as_ptr().cast(),
                packet.len(),
                0,
                (&raw const to).cast(),
                length,
            )
        };
        assert_eq!(usize::try_from(sent).ok(), Some(packet.len()));
    }
}

fn start(pair: &Pair, options: &str) -> Instance {
    let policy = pair.sandbox.file("policy.toml", POLICY);
    let options = format!("run --iface left --json {options} --policy {}", policy.display());
    pair.sandbox.start(&options)
}

/// How many of `count` packets arrive.
pub(crate) fn arriving(talk: &Talk, content: &[u8], count: usize) -> usize {
    (0..count).filter(|_| talk.arrives(content)).count()
}

/// Waits for the verdict on the flow of a client's port.
pub(crate) fn decided(instance: &Instance, port: u16) {
    instance.wait_for(|it| it["type"] == "verdict" && it["src"] == FAR && it["sport"] == port);
}

/// Has a spoofed flood of `senders` go by beside a flow that is allowed and one that is blocked, with
/// flows that begin while it lasts.
fn withstand(options: &str, senders: u32, per_second: u32) {
    let pair = Pair::new();
    let (dns, ntp) = (server(&pair, DNS), server(&pair, NTP));
    let mut instance = start(&pair, options);
    let request = request();
    let allowed = Talk::new(&pair, 40_001, DNS, &dns);
    let blocked = Talk::new(&pair, 40_002, NTP, &ntp);
    assert!(allowed.arrives(QUERY) && blocked.arrives(&request));
    decided(&instance, 40_002);
    assert!(!blocked.arrives(&request) && allowed.is_answered());

    // Ten times; between them, all of these go on.
    for tenth in 0..10 {
        flood(&pair, senders / 10 * tenth..senders / 10 * (tenth + 1), &request, NTP, per_second);
        assert!(arriving(&allowed, QUERY, 5) == 5 && allowed.is_answered(), "in tenth {tenth}");
        assert_eq!(arriving(&blocked, &request, 5), 0, "in tenth {tenth}");
        let port = 41_000 + u16::try_from(tenth).unwrap();
        let new = Talk::new(&pair, port, DNS, &dns);
        let old = Talk::new(&pair, port + 1000, NTP, &ntp);
        assert!(arriving(&new, QUERY, 5) == 5 && new.is_answered(), "in tenth {tenth}");
        // The first packets pass until nDPI has seen one.
        wait_until(|| !old.arrives(&request));
    }
    let begun = instance.wait_for(|it| it["state"] == "crowded" && it["table"] == "flows");
    assert_eq!(begun["pool"], "unanswered");
    let ended = instance.wait_for(|it| it["state"] == "eased" && it["table"] == "flows");
    assert!(ended["displaced"].as_u64().unwrap() > 0, "{ended}");
    instance.wait_to_say("the table of flows is full");
    assert!(arriving(&allowed, QUERY, 5) == 5 && arriving(&blocked, &request, 5) == 0);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn made_up_senders_displace_only_each_other() {
    let options = "--workers 1 --sweep 1 --max-flows 400 --max-undecided 400";
    try_flood(&PROGRAMS, || withstand(options, 4000, 8000));
}

/// At the sizes that are the default: `cargo test -p ndpi-user --test load -- --ignored`.
#[test]
#[ignore = "sends 450,000 packets, for half a minute or more"]
fn made_up_senders_displace_only_each_other_at_default_sizes() {
    try_flood(&PROGRAMS, || withstand("", 450_000, 15_000));
}

#[test]
fn a_client_displaces_only_its_own_and_its_blocked_flows_stay_blocked() {
    try_flood(&PROGRAMS, fill_a_share);
}

fn fill_a_share() {
    let pair = Pair::new();
    let (request, ntp) = (request(), server(&pair, NTP));
    let mut instance =
        start(&pair, "--workers 1 --sweep 1 --max-flows 400 --max-notes 4000 --client-share 20");
    let talk = |port| Talk::new(&pair, port, NTP, &ntp);
    let talks: Vec<_> = (40_000..40_060).map(talk).collect();
    for (port, talk) in (40_000..).zip(&talks) {
        assert!(talk.arrives(&request));
        decided(&instance, port);
        if port == 40_020 {
            let begun = instance.wait_for(|it| it["state"] == "crowded");
            assert_eq!((&begun["share"], &begun["client"]), (&"blocked".into(), &FAR.into()));
        }
    }
    for (at, talk) in talks.iter().enumerate() {
        // What had to go is shown once more.
        let passed = arriving(talk, &request, 1);
        assert!(passed <= 1, "flow {at}");
        wait_until(|| !talk.arrives(&request));
    }
    let back = instance.wait_for(|it| it["type"] == "verdict" && it["decided_by"] == "note");
    assert_eq!((&back["src"], &back["action"]), (&FAR.into(), &"drop".into()));
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}
