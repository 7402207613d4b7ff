//! Interfaces without an Ethernet header, as far as the kernel has them: tunnels between the ends of
//! the pair.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use super::network::{FAR, NEAR, Network};
use super::{ppp, xfrm};
use crate::process;

/// A kind of interface.
pub(super) struct Kind {
    /// As `ip link add type` has it, and the interface's name at both ends.
    pub(super) name: &'static str,
    /// The addresses inside, near and far.
    pub(super) inside: [&'static str; 2],
}

pub(super) const KINDS: [Kind; 6] = [
    Kind { name: "ipip", inside: ["198.18.21.1", "198.18.21.2"] },
    Kind { name: "gre", inside: ["198.18.22.1", "198.18.22.2"] },
    Kind { name: "sit", inside: ["2001:db8:23::1", "2001:db8:23::2"] },
    Kind { name: "wireguard", inside: ["198.18.24.1", "198.18.24.2"] },
    Kind { name: "ppp", inside: ["198.18.25.1", "198.18.25.2"] },
    Kind { name: "xfrm", inside: ["198.18.26.1", "198.18.26.2"] },
];

impl Kind {
    /// The name of the interface at both ends: not the one that the module makes itself.
    pub(super) fn interface(&self) -> String {
        format!("l3-{}", self.name)
    }

    /// Makes both ends; says why not where the kernel or this machine lacks something.
    pub(super) fn make(&self, network: &Network) -> Result<()> {
        let (interface, name) = (self.interface(), self.name);
        if name == "ppp" {
            return ppp::connect(network, &interface, self.inside);
        }
        match name {
            "xfrm" => xfrm::connect(network, &interface)?,
            "wireguard" => {
                self.add(network, "", "")?;
                self.exchange_keys(network)?;
            }
            _ => self.add(network, NEAR, FAR)?,
        }
        for (at, namespace) in [&network.near, &network.far].into_iter().enumerate() {
            let (here, there) = (self.inside[at], self.inside[1 - at]);
            let address = if here.contains(':') {
                format!("address add {here}/64 dev {interface} nodad")
            } else {
                format!("address add {here} peer {there} dev {interface}")
            };
            namespace.ip(&address)?;
            namespace.ip(&format!("link set {interface} up"))?;
        }
        Ok(())
    }

    /// Makes the interfaces, of tunnels between two addresses if there are any.
    fn add(&self, network: &Network, near: &str, far: &str) -> Result<()> {
        for (namespace, here, there) in [(&network.near, near, far), (&network.far, far, near)] {
            let ends = match here {
                "" => String::new(),
                _ => format!("local {here} remote {there}"),
            };
            namespace.ip(&format!("link add {} type {} {ends}", self.interface(), self.name))?;
        }
        Ok(())
    }

    fn exchange_keys(&self, network: &Network) -> Result<()> {
        let keys = [Key::new()?, Key::new()?];
        let ends = [(&network.near, FAR), (&network.far, NEAR)];
        for (at, (namespace, there)) in ends.into_iter().enumerate() {
            let (own, other) = (&keys[at], &keys[1 - at]);
            let set = format!(
                "set {} listen-port 51820 private-key /proc/self/fd/0 peer {} endpoint {there}:51820 \
                 allowed-ips 0.0.0.0/0",
                self.interface(),
                other.public
            );
            wg(namespace.command("wg"), &set, &own.private)?;
        }
        Ok(())
    }
}

/// A pair of keys.
struct Key {
    private: String,
    public: String,
}

impl Key {
    fn new() -> Result<Self> {
        let private = wg(process::command("wg"), "genkey", "")?;
        Ok(Self { public: wg(process::command("wg"), "pubkey", &private)?, private })
    }
}

/// wg(8) with these arguments, and with something to read.
fn wg(mut command: std::process::Command, arguments: &str, input: &str) -> Result<String> {
    command.args(arguments.split_whitespace()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start wg (package wireguard-tools)")?;
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "wg failed: {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
