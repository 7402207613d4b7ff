//! Parts of snapshots for tests.

use ndpi_events::{Attached, Time};

use super::model::Watched;

/// An interface with the programs on it since that time.
pub(crate) fn eth0(since: Time) -> Watched {
    let attached = Attached {
        iface: "eth0".into(),
        ifindex: 2,
        ingress: Some("xdp-native".into()),
        egress: "tcx".into(),
        peer: None,
    };
    Watched { attached, since }
}
