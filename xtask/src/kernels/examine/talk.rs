//! Bounded traffic of which every packet is accounted for: flows that nDPI knows at their first
//! packet, in both directions, some of them dropped.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::instance::Instance;
use super::network::Network;
use crate::kernels::capture::RTSP;
use crate::lab::inside::inside;

/// Packets of a flow after its verdict.
const LATER: u64 = 20;
/// How long a packet may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One flow.
struct Flow {
    port: u16,
    /// Whether it comes in at the near end, where the program is.
    comes_in: bool,
    dropped: bool,
}

const FLOWS: [Flow; 4] = [
    Flow { port: 7000, comes_in: true, dropped: true },
    Flow { port: 7001, comes_in: true, dropped: false },
    Flow { port: 7002, comes_in: false, dropped: true },
    Flow { port: 7003, comes_in: false, dropped: false },
];

/// Sends all flows between two addresses and says how many packets of each arrived.
pub(super) fn talk(
    network: &Network,
    instance: &mut Instance,
    interface: &str,
    (near, far): (IpAddr, IpAddr),
) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for flow in &FLOWS {
        let arrived = one(network, instance, interface, (near, far), flow)?;
        let expected = if flow.dropped { 1 } else { 1 + LATER };
        ensure!(
            arrived == expected,
            "{interface}: {arrived} packets to port {} arrived, not {expected}",
            flow.port
        );
        lines.push(format!("{}: {arrived} of {} packets arrived", flow.port, 1 + LATER));
    }
    Ok(lines)
}

fn one(
    network: &Network,
    instance: &mut Instance,
    interface: &str,
    (near, far): (IpAddr, IpAddr),
    flow: &Flow,
) -> Result<u64> {
    let (at_near, at_far) = ((&network.near, near), (&network.far, far));
    let (from, to) = if flow.comes_in { (at_far, at_near) } else { (at_near, at_far) };
    let bind =
        |(namespace, address), port| inside(namespace, move || UdpSocket::bind((address, port)));
    let (sender, receiver) = (bind(from, 40_000 + flow.port)?, bind(to, flow.port)?);
    receiver.set_read_timeout(Some(PATIENCE))?;
    let to = SocketAddr::new(to.1, flow.port);
    sender.send_to(RTSP, to)?;
    let mut buffer = [0; 64];
    receiver.recv(&mut buffer).with_context(|| format!("{interface}: the first packet to {to}"))?;
    let port = flow.port;
    let decided = instance.wait_for("verdict", |record| {
        record["iface"] == interface
            && record["dport"] == port
            && record["dst"] == to.ip().to_string()
    })?;
    ensure!(decided["app"] == "RTSP", "{interface}: nDPI calls it {}", decided["app"]);
    for _ in 0..LATER {
        sender.send_to(RTSP, to)?;
    }
    Ok(1 + if flow.dropped { still_there(&receiver)? } else { count(&receiver, LATER)? })
}

/// Receives so many packets, or as many as come.
fn count(receiver: &UdpSocket, expected: u64) -> Result<u64> {
    let mut buffer = [0; 64];
    for arrived in 0..expected {
        match receiver.recv(&mut buffer) {
            Ok(_) => {}
            Err(error) if is_over(&error) => return Ok(arrived),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(expected)
}

/// What has arrived although it should not: a packet over a virtual pair is there when it was sent.
fn still_there(receiver: &UdpSocket) -> Result<u64> {
    receiver.set_read_timeout(Some(Duration::from_millis(300)))?;
    count(receiver, LATER)
}

fn is_over(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
