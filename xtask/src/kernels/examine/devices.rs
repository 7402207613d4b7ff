//! The program on interfaces, with traffic through them.

use std::io::Write;
use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::instance::Instance;
use super::network::{FAR, NEAR, Network};
use super::talk::talk;
use super::{NOTE, Tools};

/// A pair of interfaces with Ethernet headers.
pub(super) fn veth(tools: &Tools, out: &mut dyn Write) -> Result<()> {
    let network = Network::new()?;
    let mut instance = Instance::start(tools, &network.near, &["left".to_owned()])?;
    let ends = (address(NEAR)?, address(FAR)?);
    let lines = talk(&network, &mut instance, "left", ends)?;
    let records = instance.end()?;
    report("veth", "left", &lines, &records, out)?;
    for field in ["seen", "passed", "dropped", "redirected"] {
        let stopped = records.iter().find(|record| record["state"] == "stopped");
        let stopped = stopped.context("no record of the end")?;
        writeln!(out, "veth: {field} {}", stopped[field])?;
    }
    Ok(())
}

/// What came of the flows through an interface.
fn report(
    about: &str,
    interface: &str,
    lines: &[String],
    records: &[Value],
    out: &mut dyn Write,
) -> Result<()> {
    let running = records.iter().find(|record| record["state"] == "running");
    let attached = running.and_then(|record| record["attached"].as_array());
    let attached = attached.and_then(|all| all.iter().find(|one| one["iface"] == interface));
    let attached = attached.with_context(|| format!("{interface} is not attached to"))?;
    writeln!(out, "{NOTE}{about}: {} and {}", attached["ingress"], attached["egress"])?;
    lines.iter().try_for_each(|line| writeln!(out, "{about}: {line}"))?;
    let mut flows: Vec<_> =
        records.iter().filter(|it| it["type"] == "flow" && it["iface"] == interface).collect();
    flows.sort_by_key(|flow| flow["dport"].as_u64());
    ensure!(flows.len() == 4, "{about}: {} flows instead of 4", flows.len());
    for flow in flows {
        let fields = ["dport", "proto", "app", "action", "packets", "bytes", "dropped", "leaked"];
        let fields: Vec<_> =
            fields.iter().map(|field| format!("{field} {}", flow[field])).collect();
        writeln!(out, "{about}: {}", fields.join(", "))?;
    }
    Ok(())
}

fn address(text: &str) -> Result<IpAddr> {
    text.parse().with_context(|| format!("{text} is no address"))
}
