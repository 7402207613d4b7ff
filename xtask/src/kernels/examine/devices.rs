//! The program on interfaces, with traffic through them.

use std::io::Write;
use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::instance::Instance;
use super::layer3::KINDS;
use super::network::{FAR, NEAR, Network};
use super::talk::talk;
use super::{NOTE, Tools};

/// A pair of interfaces with Ethernet headers. Returns what came of its flows.
pub(super) fn veth(tools: &Tools, out: &mut dyn Write) -> Result<Vec<String>> {
    let network = Network::new()?;
    let mut instance = Instance::start(tools, &network.near, &["left".to_owned()])?;
    let ends = (address(NEAR)?, address(FAR)?);
    let lines = talk(&network, &mut instance, "left", ends)?;
    let records = instance.end()?;
    let results = report("veth", "left", &lines, &records, out)?;
    for field in ["seen", "passed", "dropped", "redirected"] {
        let stopped = records.iter().find(|record| record["state"] == "stopped");
        let stopped = stopped.context("no record of the end")?;
        writeln!(out, "veth: {field} {}", stopped[field])?;
    }
    Ok(results)
}

/// What came of the flows through an interface, whatever their addresses.
fn report(
    about: &str,
    interface: &str,
    lines: &[String],
    records: &[Value],
    out: &mut dyn Write,
) -> Result<Vec<String>> {
    let running = records.iter().find(|record| record["state"] == "running");
    let attached = running.and_then(|record| record["attached"].as_array());
    let attached = attached.and_then(|all| all.iter().find(|one| one["iface"] == interface));
    let attached = attached.with_context(|| format!("{interface} is not attached to"))?;
    writeln!(out, "{NOTE}{about}: {} and {}", attached["ingress"], attached["egress"])?;
    // The kernel may say things of its own there.
    let is_ours = |it: &&Value| {
        let port = it["dport"].as_u64();
        it["type"] == "flow" && it["iface"] == interface && port.is_some_and(|it| it / 10 == 700)
    };
    let mut flows: Vec<_> = records.iter().filter(is_ours).collect();
    flows.sort_by_key(|flow| flow["dport"].as_u64());
    ensure!(flows.len() == 4, "{about}: {} flows instead of 4", flows.len());
    let mut results = lines.to_vec();
    for flow in flows {
        let fields = ["dport", "proto", "app", "action", "packets", "dropped", "leaked"];
        let fields: Vec<_> =
            fields.iter().map(|field| format!("{field} {}", flow[field])).collect();
        let payload = payload(flow).with_context(|| format!("{about}: {flow}"))?;
        results.push(format!("{}, payload {payload}", fields.join(", ")));
    }
    results.iter().try_for_each(|line| writeln!(out, "{about}: {line}"))?;
    Ok(results)
}

/// A flow's bytes without the headers of IP and UDP.
fn payload(flow: &Value) -> Option<u64> {
    let header = if flow["src"].as_str()?.contains(':') { 40 } else { 20 };
    flow["bytes"].as_u64()?.checked_sub(flow["packets"].as_u64()? * (header + 8))
}

/// Interfaces without an Ethernet header, as far as the kernel has them: what comes of their flows is what was
/// `expected`.
pub(super) fn without_link_header(
    tools: &Tools,
    expected: &[String],
    out: &mut dyn Write,
) -> Result<()> {
    let network = Network::new()?;
    let mut made = Vec::new();
    for kind in &KINDS {
        match kind.make(&network) {
            Ok(()) => made.push(kind),
            Err(error) => writeln!(out, "{NOTE}{}: not examined: {error:#}", kind.name)?,
        }
    }
    if made.is_empty() {
        return Ok(());
    }
    let interfaces: Vec<_> = made.iter().map(|kind| kind.interface()).collect();
    let mut instance = Instance::start(tools, &network.near, &interfaces)?;
    let mut arrived = Vec::new();
    for (kind, interface) in made.iter().zip(&interfaces) {
        let ends = (address(kind.inside[0])?, address(kind.inside[1])?);
        arrived.push(talk(&network, &mut instance, interface, ends)?);
    }
    let records = instance.end()?;
    for ((kind, interface), lines) in made.iter().zip(&interfaces).zip(&arrived) {
        let results = report(kind.name, interface, lines, &records, out)?;
        ensure!(results == expected, "{}: {results:#?} instead of {expected:#?}", kind.name);
    }
    Ok(())
}

fn address(text: &str) -> Result<IpAddr> {
    text.parse().with_context(|| format!("{text} is no address"))
}
