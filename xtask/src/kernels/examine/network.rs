//! Two network namespaces that are joined by a pair of interfaces, and nobody else in them.

use anyhow::Result;
use testkit::namespace::{self, Namespace};

/// The addresses of the pair's ends.
pub(super) const NEAR: &str = "198.18.20.1";
pub(super) const FAR: &str = "198.18.20.2";
/// Their link-layer addresses.
const MACS: [&str; 2] = ["02:00:00:00:20:01", "02:00:00:00:20:02"];

/// `left` in one namespace and `right` in another.
pub(super) struct Network {
    pub(super) near: Namespace,
    pub(super) far: Namespace,
}

impl Network {
    pub(super) fn new() -> Result<Self> {
        let named = |end| Namespace::new(&namespace::named("kernels", end));
        let network = Self { near: named("near")?, far: named("far")? };
        // Before there are interfaces: none of them says anything of its own.
        for namespace in [&network.near, &network.far] {
            namespace.set("ipv6/conf/default/accept_dad", "0")?;
            namespace.set("ipv6/conf/default/router_solicitations", "0")?;
            namespace.set("ipv6/conf/default/addr_gen_mode", "1")?;
        }
        let far = network.far.name();
        network.near.ip(&format!(
            "link add left address {} type veth peer name right address {} netns {far}",
            MACS[0], MACS[1]
        ))?;
        let ends = [(&network.near, "left", NEAR), (&network.far, "right", FAR)];
        for (at, (namespace, interface, address)) in ends.into_iter().enumerate() {
            namespace.ip(&format!("address add {address}/30 dev {interface}"))?;
            namespace.ip(&format!("link set {interface} up"))?;
            let (other, mac) = ([FAR, NEAR][at], MACS[1 - at]);
            namespace.ip(&format!("neighbour add {other} lladdr {mac} dev {interface}"))?;
        }
        Ok(network)
    }
}
