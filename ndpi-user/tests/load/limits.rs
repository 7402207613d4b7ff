//! Rules that limit a rate, held against what arrives.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testkit::instance::Instance;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;

use crate::ready;

/// Bytes of a datagram's payload, and of its IP and UDP headers.
const PAYLOAD: usize = 972;
const DATAGRAM: u64 = 1000;

/// A flow of datagrams from the far end to the near one.
struct Datagrams {
    sender: UdpSocket,
    receiver: UdpSocket,
    sent: u64,
    received: u64,
}

impl Datagrams {
    fn new(pair: &Pair, port: u16) -> Self {
        let receiver = pair.near(|| UdpSocket::bind((NEAR, port)).unwrap());
        receiver.set_nonblocking(true).unwrap();
        let sender = pair.far(|| UdpSocket::bind((FAR, port)).unwrap());
        sender.connect((NEAR, port)).unwrap();
        Self { sender, receiver, sent: 0, received: 0 }
    }

    fn send(&mut self) {
        self.sender.send(&[0xa5; PAYLOAD]).unwrap();
        self.sent += 1;
        // On veth, what is not dropped has arrived by the time it is sent.
        while self.receiver.recv(&mut [0; PAYLOAD]).is_ok() {
            self.received += 1;
        }
    }

    /// Sends one datagram after the other until the flow has its verdict.
    fn until_decided(&mut self, instance: &Instance) {
        let port = self.sender.local_addr().unwrap().port();
        for _ in 0..32 {
            self.send();
        }
        instance.wait_for(|record| record["type"] == "verdict" && record["dport"] == port);
    }
}

fn start(pair: &Pair, rule: &str) -> Instance {
    let policy = pair.sandbox.file("policy.toml", rule);
    pair.sandbox
        .start(&format!("run --iface left --json --workers 1 --policy {}", policy.display()))
}

/// Between two datagrams of a flow: four times the rate of 125 kB/s.
const PACE: Duration = Duration::from_millis(2);
/// As many as take three seconds.
const DATAGRAMS: u32 = 1500;

/// How long a bucket of 20 kB takes to fill at that rate: what comes to it later is lost.
const FULL_AFTER: Duration = Duration::from_millis(160);

/// What two flows got through.
struct Through {
    bytes: u64,
    seconds: f64,
    /// Seconds in which buckets were full, as this thread had no CPU.
    starved: f64,
}

/// What two flows get through in some seconds that offer four times the rate of 125 kB/s.
fn two_flows(per: &str) -> Option<Through> {
    let _cpus = ready(&PROGRAMS)?;
    let pair = Pair::new();
    let rule = format!(
        "[[rule]]\nport = \"5000-5001\"\nlimit = \"1 mbit/s\"\nburst = \"20 kB\"\nper = \"{per}\"\n"
    );
    let mut instance = start(&pair, &rule);
    let mut flows = [5000, 5001].map(|port| Datagrams::new(&pair, port));
    for flow in &mut flows {
        flow.until_decided(&instance);
    }
    let received = |flows: &[Datagrams; 2]| flows.iter().map(|flow| flow.received).sum::<u64>();
    let (before, start) = (received(&flows), Instant::now());
    let (mut starved, mut last) = (Duration::ZERO, start);
    for datagram in 0..DATAGRAMS {
        // Those that are late go at once: on a busy machine a sleep takes several times as long.
        thread::sleep((datagram * PACE).saturating_sub(start.elapsed()));
        starved += last.elapsed().saturating_sub(FULL_AFTER);
        last = Instant::now();
        flows.iter_mut().for_each(Datagrams::send);
    }
    let (got, seconds) = (received(&flows) - before, start.elapsed().as_secs_f64());

    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    for flow in &flows {
        let port = flow.sender.local_addr().unwrap().port();
        let record =
            instance.wait_for(|record| record["type"] == "flow" && record["dport"] == port);
        assert_eq!((&record["action"], &record["rule"]), (&"limit".into(), &"rule 1".into()));
        assert_eq!(record["packets"], flow.sent, "{record}");
        assert_eq!(record["dropped"], flow.sent - flow.received, "{record}");
        assert_eq!(record.get("leaked"), None, "a limit lets packets through");
    }
    assert_eq!((pair.sandbox.attached("left"), pair.sandbox.pinned()), (vec![], vec![]));
    Some(Through { bytes: got * DATAGRAM, seconds, starved: starved.as_secs_f64() })
}

/// Whether that is what buckets of 20 kB let through at 125 kB/s.
#[track_caller]
fn assert_rate(through: &Through, buckets: f64) {
    let Through { bytes, seconds, starved } = *through;
    let rate = bytes as f64 / seconds / buckets;
    let least = 112_500.0 * (1.0 - starved / seconds);
    let most = 125_000.0 + (20_000.0 + DATAGRAM as f64) / seconds;
    assert!((least..=most).contains(&rate), "{rate} bytes a second, not {least} to {most}");
}

#[test]
fn the_flows_of_a_rule_share_its_rate() {
    let Some(through) = two_flows("rule") else { return };
    assert_rate(&through, 1.0);
}

#[test]
fn each_flow_has_a_rate_of_its_own() {
    let Some(through) = two_flows("flow") else { return };
    assert_rate(&through, 2.0);
}

/// What a TCP connection gets through from the far end to the near one, from the time it is decided.
#[test]
fn tcp_reaches_the_rate() {
    let Some(_cpus) = ready(&PROGRAMS) else { return };
    let pair = Pair::new();
    let mut instance = start(&pair, "[[rule]]\nport = 5000\nlimit = \"10 mbit/s\"\n");
    let listener = pair.near(|| TcpListener::bind((NEAR, 5000)).unwrap());
    let mut sender = pair.far(|| TcpStream::connect((NEAR, 5000)).unwrap());
    let (receiver, _) = listener.accept().unwrap();
    // A segment each, until nDPI has seen as many as it may. Nothing that begins a message of which the rest is waited for.
    sender.set_nodelay(true).unwrap();
    for _ in 0..32 {
        sender.write_all(&[0xa5]).unwrap();
    }
    instance.wait_for(|record| record["type"] == "verdict" && record["dport"] == 5000);

    let seconds = Duration::from_secs(5);
    let counted = count(receiver, seconds);
    sender.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let start = Instant::now();
    while start.elapsed() < seconds {
        match sender.write(&[0xa5; 16384]) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            _ => {}
        }
    }
    let (bytes, _receiver) = counted.join().unwrap();
    let rate = bytes as f64 / seconds.as_secs_f64();
    // A burst of half a second comes on top, and headers take 4 % of 1500 bytes.
    assert!((1_060_000.0..=1_250_000.0 * 1.1).contains(&rate), "{rate} bytes a second");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

/// Counts the bytes that arrive within some time; the receiver stays open, as there may be more.
fn count(mut receiver: TcpStream, within: Duration) -> JoinHandle<(u64, TcpStream)> {
    let deadline = Instant::now() + within;
    thread::spawn(move || {
        let (mut bytes, mut buffer) = (0, vec![0; 1 << 16]);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (bytes, receiver);
            }
            receiver.set_read_timeout(Some(left)).unwrap();
            bytes += receiver.read(&mut buffer).unwrap_or_default() as u64;
        }
    })
}
