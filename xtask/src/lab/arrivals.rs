//! Counts what arrives in a namespace by nftables: a witness independent of `ndpi-xdp`.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use testkit::namespace::Namespace;

use super::flow::FlowId;
use crate::process;

/// Counters by protocol and port of the client, kept by the kernel as long as the namespace exists.
pub(super) struct Arrivals {
    /// The start of a command inside the namespace.
    enter: Vec<String>,
}

/// What has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) packets: u64,
    /// From the IP header on.
    pub(super) bytes: u64,
}

impl Arrivals {
    /// Begins to count what arrives on `eth0`; the client's port is the packets' `port`: `sport`
    /// where they come from the client, `dport` where they go to it.
    pub(super) fn count(namespace: &Namespace, port: &str) -> Result<Self> {
        let mut nft = namespace
            .command("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start nft")?;
        nft.stdin.take().context("nft has no input")?.write_all(rules(port).as_bytes())?;
        let output = nft.wait_with_output()?;
        if !output.status.success() {
            bail!("nft does not count: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let enter = namespace.command("nft");
        let words = std::iter::once(enter.get_program()).chain(enter.get_args());
        Ok(Self { enter: words.map(|word| word.to_string_lossy().into_owned()).collect() })
    }

    /// What has arrived of a flow of TCP or UDP whose client's port is known.
    pub(super) fn of(&self, flow: &FlowId) -> Result<Count> {
        let proto = if flow.proto == 6 { "tcp" } else { "udp" };
        let port = flow.client.1.context("a flow without a port cannot be counted")?;
        let sets = self.list(&["set", "inet", "lab", "flows"])?;
        Ok(sets.iter().find_map(|set| element(&set["set"], proto, port)).unwrap_or_default())
    }

    /// How many ICMP messages "communication administratively prohibited" have arrived
    /// (RFC 1812, section 5.2.7.1; RFC 4443, section 3.1).
    pub(super) fn prohibitions(&self) -> Result<u64> {
        self.counter("prohibited")
    }

    /// How many fragments but the first of their datagrams have arrived.
    pub(super) fn later_fragments(&self) -> Result<u64> {
        self.counter("fragments")
    }

    fn counter(&self, name: &str) -> Result<u64> {
        let counters = self.list(&["counter", "inet", "lab", name])?;
        let packets = counters.iter().find_map(|it| it["counter"]["packets"].as_u64());
        packets.context("nft does not show its counter")
    }

    fn list(&self, what: &[&str]) -> Result<Vec<Value>> {
        let (program, arguments) = self.enter.split_first().context("an empty command")?;
        let mut command = process::command(program);
        let text = process::output(command.args(arguments).args(["-j", "list"]).args(what))?;
        let mut answer: Value = serde_json::from_str(&text).context("nft writes no JSON")?;
        match answer["nftables"].take() {
            Value::Array(list) => Ok(list),
            other => bail!("nft lists {other}"),
        }
    }
}

fn rules(port: &str) -> String {
    format!(
        "table inet lab {{
  counter prohibited {{ }}
  counter fragments {{ }}
  set flows {{ type inet_proto . inet_service; flags dynamic; size 65536; counter; }}
  chain arriving {{
    type filter hook prerouting priority raw;
    iif != \"eth0\" return
    icmp type destination-unreachable icmp code admin-prohibited counter name prohibited
    icmpv6 type destination-unreachable icmpv6 code admin-prohibited counter name prohibited
    ip frag-off & 0x1fff != 0 counter name fragments
    frag frag-off != 0 counter name fragments
    meta l4proto {{ tcp, udp }} update @flows {{ meta l4proto . th {port} }}
  }}
}}
"
    )
}

fn element(set: &Value, proto: &str, port: u16) -> Option<Count> {
    let fits = |element: &&Value| element["val"]["concat"] == serde_json::json!([proto, port]);
    let elements = set["elem"].as_array()?.iter().map(|element| &element["elem"]);
    let counter = &elements.into_iter().find(fits)?["counter"];
    Some(Count { packets: counter["packets"].as_u64()?, bytes: counter["bytes"].as_u64()? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Count, element};

    #[test]
    fn a_flow_is_found_by_protocol_and_port() {
        let set = json!({"name": "flows", "elem": [
            {"elem": {"val": {"concat": ["tcp", 25_000]}, "counter": {"packets": 1, "bytes": 60}}},
            {"elem": {"val": {"concat": ["udp", 25_000]}, "counter": {"packets": 2, "bytes": 90}}},
        ]});
        assert_eq!(element(&set, "udp", 25_000), Some(Count { packets: 2, bytes: 90 }));
        assert_eq!(element(&set, "udp", 25_001), None);
        assert_eq!(element(&json!({"name": "flows"}), "udp", 25_000), None, "still empty");
    }
}
