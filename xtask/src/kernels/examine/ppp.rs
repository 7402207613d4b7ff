//! PPP between the ends of the pair, over a pair of sockets in place of a serial line.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use testkit::namespace::Namespace;

use super::network::Network;
use crate::process;

/// How long both ends may take to agree, on an emulated processor too.
const PATIENCE: Duration = Duration::from_mins(1);
/// No serial line, no password, no compression, and no route but to the other end.
const OPTIONS: &str = "notty nodetach local noauth noccp novj nodefaultroute ifname";

/// Has pppd(8) make `interface` at both ends, with these addresses. It ends with the namespaces.
pub(super) fn connect(network: &Network, interface: &str, inside: [&str; 2]) -> Result<()> {
    let namespaces = [&network.near, &network.far];
    let (near, far) = UnixStream::pair().context("cannot make a pair of sockets")?;
    let mut daemons = Vec::new();
    for (at, line) in [near, far].into_iter().enumerate() {
        let addresses = format!("{}:{}", inside[at], inside[1 - at]);
        daemons.push(start(namespaces[at], line, interface, &addresses)?);
    }
    let deadline = Instant::now() + PATIENCE;
    for (at, daemon) in daemons.iter_mut().enumerate() {
        while !is_up(namespaces[at], interface, inside[at])? {
            if let Some(status) = daemon.try_wait()? {
                bail!("pppd ended with {status}: the kernel may lack PPP");
            }
            ensure!(Instant::now() < deadline, "both ends of PPP do not agree");
            thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

fn start(
    namespace: &Namespace,
    line: UnixStream,
    interface: &str,
    addresses: &str,
) -> Result<Child> {
    let copy: io::Result<OwnedFd> = line.try_clone().map(OwnedFd::from);
    let mut command = namespace.command("pppd");
    command.args(OPTIONS.split(' ')).args([interface, addresses]);
    command.stdin(OwnedFd::from(line)).stdout(copy.context("cannot copy a socket")?);
    command.spawn().context("cannot start pppd (package ppp)")
}

/// Whether an interface is there with its address, which it gets when both ends agree.
fn is_up(namespace: &Namespace, interface: &str, address: &str) -> Result<bool> {
    let shown = process::output(namespace.command("ip").args(["-oneline", "-4", "address"]))?;
    let is_it = |line: &str| line.contains(interface) && line.contains(address);
    Ok(shown.lines().any(is_it))
}
