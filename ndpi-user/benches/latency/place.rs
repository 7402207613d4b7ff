//! Two namespaces and a wire between them: the near end is watched, the far one sends.

use std::error::Error;
use std::net::Ipv4Addr;

use testkit::namespace::{self, Namespace};

/// The near end's interface and address.
pub(crate) const NEAR_LINK: &str = "left";
pub(crate) const NEAR: Ipv4Addr = Ipv4Addr::new(198, 18, 9, 1);
/// The same at the far end.
pub(crate) const FAR_LINK: &str = "right";
pub(crate) const FAR: Ipv4Addr = Ipv4Addr::new(198, 18, 9, 2);

/// Hardware addresses of both ends.
pub(crate) const NEAR_MAC: [u8; 6] = [2, 0, 0, 0, 9, 1];
pub(crate) const FAR_MAC: [u8; 6] = [2, 0, 0, 0, 9, 2];

/// Both namespaces; dropping them removes all that is in them.
pub(crate) struct Place {
    pub(crate) near: Namespace,
    pub(crate) far: Namespace,
}

impl Place {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let [near, far] =
            ["near", "far"].map(|end| Namespace::new(&namespace::named("bench", end)));
        let (near, far) = (near?, far?);
        for end in [&near, &far] {
            // Nothing but the packets of the bench.
            end.set("ipv6/conf/all/disable_ipv6", "1")?;
            end.set("ipv6/conf/default/disable_ipv6", "1")?;
        }
        near.ip(&format!(
            "link add {NEAR_LINK} address {} type veth peer name {FAR_LINK} address {} netns {}",
            text(NEAR_MAC),
            text(FAR_MAC),
            far.name()
        ))?;
        near.ip(&format!("address add {NEAR}/30 dev {NEAR_LINK}"))?;
        far.ip(&format!("address add {FAR}/30 dev {FAR_LINK}"))?;
        near.ip(&format!("link set {NEAR_LINK} up"))?;
        far.ip(&format!("link set {FAR_LINK} up"))?;
        // Ports for as many connections as are made.
        far.set("ipv4/ip_local_port_range", "1100 65000")?;
        Ok(Self { near, far })
    }
}

fn text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
