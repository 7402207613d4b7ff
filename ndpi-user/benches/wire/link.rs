//! Veth pairs in a network namespace of their own.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use testkit::checksum::checksum;
use testkit::interface::{self, Feature};
use testkit::namespace::{self, Namespace};

use crate::generator::PAYLOAD_OF_KNOWN;

/// The namespace that everything is in; dropping it removes all.
pub(crate) struct BenchNamespace {
    namespace: Namespace,
    before: File,
}

impl Drop for BenchNamespace {
    /// Leaves: what is in a namespace ends with it.
    fn drop(&mut self) {
        let kind = Some(LinkNameSpaceType::Network);
        if let Err(error) = move_into_link_name_space(self.before.as_fd(), kind) {
            eprintln!("bench: cannot leave the namespace: {error}");
        }
    }
}

impl BenchNamespace {
    /// Makes the namespace and moves this thread, and those it starts later, into it.
    pub(crate) fn enter() -> Result<Self, Box<dyn Error>> {
        let name = namespace::named("bench", "near");
        let namespace = Namespace::new(&name)?;
        // Nothing but the frames of the bench.
        namespace.set("ipv6/conf/all/disable_ipv6", "1")?;
        namespace.set("ipv6/conf/default/disable_ipv6", "1")?;
        let before = File::open("/proc/thread-self/ns/net")?;
        namespace.enter()?;
        Ok(Self { namespace, before })
    }

    /// Joins two new interfaces, `tx` and `rx` with the pair's number, both up.
    pub(crate) fn pair(&self, number: usize) -> Result<Pair, Box<dyn Error>> {
        let (tx, rx) = (format!("tx{number}"), format!("rx{number}"));
        let mac = format!("02:00:00:00:01:{number:02x}");
        self.namespace
            .ip(&format!("link add {tx} txqueuelen 0 type veth peer name {rx} address {mac}"))?;
        self.namespace.ip(&format!("address add 198.18.{number}.1/24 dev {rx}"))?;
        self.namespace.ip(&format!("link set {tx} up"))?;
        self.namespace.ip(&format!("link set {rx} up"))?;
        Ok(Pair { tx: interface::index(&tx)?, number: u8::try_from(number)?, rx })
    }
}

impl BenchNamespace {
    /// Joins `interface` here with one in another namespace, both with addresses for TCP.
    pub(crate) fn bulk_pair(
        &self,
        interface: &str,
        number: usize,
        far: &Namespace,
    ) -> Result<(), Box<dyn Error>> {
        let (net, far_name) = (100 + number, far.name());
        self.namespace.ip(&format!(
            "link add {interface} type veth peer name {interface} netns {far_name}"
        ))?;
        for (namespace, host) in [(&self.namespace, 1), (far, 2)] {
            namespace.ip(&format!("address add 198.18.{net}.{host}/24 dev {interface}"))?;
            namespace.ip(&format!("link set {interface} up"))?;
        }
        Ok(())
    }
}

/// Two interfaces, joined.
pub(crate) struct Pair {
    number: u8,
    /// Where frames are sent, by index.
    pub(crate) tx: u32,
    /// Where they come in, by name.
    pub(crate) rx: String,
}

impl Pair {
    /// The index of the interface where frames come in.
    pub(crate) fn rx_index(&self) -> Result<u32, Box<dyn Error>> {
        Ok(interface::index(&self.rx)?)
    }

    /// A UDP frame of 64 bytes (60 without its check sequence) to a host behind the receiving
    /// interface that is not there.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let ethernet = [[2, 0, 0, 0, 1, self.number], [2, 0, 0, 0, 0, self.number]].concat();
        let mut ip = vec![0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0];
        ip.extend([198, 19, 0, 1, 198, 19, 1, 2]);
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        let udp = [0, 0, 0, 0, 0, 26, 0, 0];
        [&ethernet[..], &[8, 0], &ip, &udp, PAYLOAD_OF_KNOWN].concat()
    }

    /// Receives in batches (NAPI), which frames from another XDP program need where no program is
    /// attached: veth does so with generic receive offload.
    pub(crate) fn batch(&self) -> io::Result<()> {
        interface::switch(&self.rx, Feature::ReceiveOffload, true)
    }
}

/// What the receiving interface counted.
#[derive(Clone, Copy, Default)]
pub(crate) struct Arrived {
    /// Taken in.
    pub(crate) packets: u64,
    /// Turned away, since the interface's ring was full.
    pub(crate) dropped: u64,
}

/// The counters of an interface (`/proc/net/dev`).
pub(crate) fn arrived(interface: &str) -> io::Result<Arrived> {
    let text = fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(interface));
    let line = line.and_then(|rest| rest.strip_prefix(':'));
    let mut numbers = line.into_iter().flat_map(str::split_whitespace).map(str::parse);
    let mut at = |skip: usize| numbers.nth(skip).and_then(Result::ok);
    match (at(1), at(1)) {
        (Some(packets), Some(dropped)) => Ok(Arrived { packets, dropped }),
        _ => Err(io::Error::other(format!("no counters of {interface}"))),
    }
}

/// IPv4 packets that the stack was given (`InReceives`, RFC 4293).
pub(crate) fn given_to_stack() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/net/snmp")?;
    let line = text.lines().filter(|line| line.starts_with("Ip:")).nth(1);
    let received = line.and_then(|line| line.split_whitespace().nth(3));
    received.and_then(|number| number.parse().ok()).ok_or_else(|| io::Error::other("no InReceives"))
}
