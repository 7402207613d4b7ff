//! A client and a server, in namespaces of their own, with a wire between them that takes its time.

use std::error::Error;
use std::net::Ipv4Addr;
use std::time::Duration;

use testkit::interface::{self, Feature};
use testkit::namespace::{self, Namespace};

use crate::delay_line::DelayLine;

/// The client's interface, which is watched.
pub(crate) const LINK: &str = "client";
/// The server's address.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 9, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 18, 9, 2);

/// Both, and what is between them; dropping it removes all.
pub(crate) struct Place {
    pub(crate) server: Namespace,
    pub(crate) client: Namespace,
    between: Namespace,
}

impl Place {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let [server, client, between] =
            ["near", "far", "between"].map(|end| Namespace::new(&namespace::named("bench", end)));
        let place = Self { server: server?, client: client?, between: between? };
        for namespace in [&place.server, &place.client, &place.between] {
            // Nothing but the packets of the bench.
            namespace.set("ipv6/conf/all/disable_ipv6", "1")?;
            namespace.set("ipv6/conf/default/disable_ipv6", "1")?;
        }
        place.join(&place.server, "server", SERVER)?;
        place.join(&place.client, LINK, CLIENT)?;
        Ok(place)
    }

    /// Joins an end, by an interface of this name at both ends.
    fn join(&self, end: &Namespace, link: &str, address: Ipv4Addr) -> Result<(), Box<dyn Error>> {
        let between = &self.between;
        between.ip(&format!("link add {link} type veth peer name {link} netns {}", end.name()))?;
        between.ip(&format!("link set {link} up"))?;
        end.ip(&format!("address add {address}/30 dev {link}"))?;
        end.ip(&format!("link set {link} up"))?;
        // The wire carries frames as they are.
        end.inside(|| -> std::io::Result<()> {
            interface::switch(link, Feature::Segmentation, false)?;
            interface::switch(link, Feature::TransmitChecksum, false)
        })??;
        Ok(())
    }

    /// The wire, on which a frame and its answer take so long together.
    pub(crate) fn wire(&self, round_trip: Duration) -> Result<DelayLine, Box<dyn Error>> {
        let joined = self.between.inside(|| {
            DelayLine::join([LINK, "server"], round_trip / 2).map_err(|error| error.to_string())
        })?;
        Ok(joined?)
    }
}
