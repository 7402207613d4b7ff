//! The first header of packets on an interface, by its type (`ARPHRD_…` in `linux/if_arp.h`).

use super::AttachError;
use crate::netlink::Interface;

/// What packets begin with, and with it which of our programs can read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// With an Ethernet header.
    Link,
    /// With an IP header: there is no link header.
    Network,
}

/// An interface that takes multicast groups or anybody for its other end shows the header of the
/// tunnel in front of each packet.
const GRE: [u16; 2] = [libc::ARPHRD_IPGRE, ARPHRD_IP6GRE];
const ARPHRD_RAWIP: u16 = 519;
const ARPHRD_IP6GRE: u16 = 823;

/// The layer of an interface, or why we cannot read what it carries.
pub(crate) fn layer(interface: &Interface) -> Result<Layer, AttachError> {
    let unreadable = |why| Err(AttachError::Unreadable { interface: interface.name.clone(), why });
    match interface.hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Ok(Layer::Link),
        gre if GRE.contains(&gre) && !interface.point_to_point => unreadable(
            "it has no fixed remote end, so its packets begin with the header of the tunnel; watch \
             the interface below it, with --tunnels"
                .to_owned(),
        ),
        libc::ARPHRD_NONE
        | ARPHRD_RAWIP
        | libc::ARPHRD_PPP
        | libc::ARPHRD_TUNNEL
        | libc::ARPHRD_TUNNEL6
        | libc::ARPHRD_SIT
        | libc::ARPHRD_IPGRE
        | ARPHRD_IP6GRE => Ok(Layer::Network),
        other => unreadable(format!(
            "its packets begin neither with an Ethernet header nor with an IP header (type {other} \
             of linux/if_arp.h)"
        )),
    }
}

/// Checks that an interface has frames, which others can send.
pub(crate) fn check_frames(end: &Interface) -> Result<(), AttachError> {
    match layer(end)? {
        Layer::Link => Ok(()),
        Layer::Network => Err(AttachError::NoFrames { interface: end.name.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(hardware: u16, point_to_point: bool) -> Interface {
        Interface { point_to_point, hardware, ..Interface::named("odd0") }
    }

    #[test]
    fn the_type_says_what_packets_begin_with() {
        let of = |hardware| layer(&interface(hardware, true)).ok();
        assert_eq!(of(libc::ARPHRD_ETHER), Some(Layer::Link));
        assert_eq!(of(libc::ARPHRD_LOOPBACK), Some(Layer::Link));
        for hardware in [libc::ARPHRD_NONE, libc::ARPHRD_PPP, libc::ARPHRD_SIT, ARPHRD_RAWIP] {
            assert_eq!(of(hardware), Some(Layer::Network), "{hardware}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_reason() {
        let why = |interface| layer(&interface).unwrap_err().to_string();
        let monitor = why(interface(libc::ARPHRD_IEEE80211_RADIOTAP, false));
        assert!(monitor.contains("odd0") && monitor.contains("type 803"), "{monitor}");
        assert!(layer(&interface(libc::ARPHRD_IPGRE, true)).is_ok());
        let many = why(interface(libc::ARPHRD_IPGRE, false));
        assert!(many.contains("no fixed remote end") && many.contains("--tunnels"), "{many}");
    }
}
