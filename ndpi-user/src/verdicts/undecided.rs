//! One flow without a verdict, as it is shown.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ndpi_common::{Direction, Key, TICK_NS, Track};
use serde::Serialize;

use super::entry::{Now, network, protocol, tenants};
use crate::record::Time;
use crate::report::units;

/// A flow that nobody has decided on, as the JSON object has it (docs/records.md).
#[derive(Debug, Serialize)]
pub(super) struct Undecided {
    #[serde(rename = "type")]
    kind: &'static str,
    vlan: u16,
    #[serde(skip_serializing_if = "super::entry::is_plain")]
    tunnel: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outer_tenant: Option<u32>,
    proto: u8,
    src: IpAddr,
    sport: u16,
    dst: IpAddr,
    dport: u16,
    shown: u32,
    packets_to_server: u64,
    bytes_to_server: u64,
    packets_to_client: u64,
    bytes_to_client: u64,
    dropped: u64,
    last_seen: Time,
    #[serde(skip)]
    seen_ns: u64,
}

impl Undecided {
    pub(super) fn new(key: &Key, track: &Track, now: &Now) -> Self {
        let is_lower = track.client == Direction::FromLower as u16;
        let [lower, upper] = track.sent;
        let ends = (key.lower(), key.upper());
        let (((src, sport), (dst, dport)), (ours, theirs)) =
            if is_lower { (ends, (lower, upper)) } else { ((ends.1, ends.0), (upper, lower)) };
        let seen_ns = u64::from(track.last_seen) * TICK_NS;
        let (tenant, outer_tenant) = tenants(key);
        Self {
            kind: "undecided",
            vlan: key.vlan(),
            tunnel: key.tunnel(),
            tenant,
            outer_tenant,
            proto: key.proto(),
            src,
            sport,
            dst,
            dport,
            shown: track.shown,
            packets_to_server: ours.packets,
            bytes_to_server: ours.bytes,
            packets_to_client: theirs.packets,
            bytes_to_client: theirs.bytes,
            dropped: track.dropped.packets,
            last_seen: Time::from_ns(now.clock.epoch_ns(seen_ns)),
            seen_ns,
        }
    }

    /// The cells of the table's row.
    pub(super) fn cells(&self, now: &Now) -> [String; 12] {
        let none = || "-".to_owned();
        let (src, dst) =
            (SocketAddr::new(self.src, self.sport), SocketAddr::new(self.dst, self.dport));
        let network = network(self.vlan, self.tunnel, (self.tenant, self.outer_tenant));
        let network = if network.is_empty() { network } else { format!(" ({network})") };
        let idle = Duration::from_nanos(now.ktime_ns.saturating_sub(self.seen_ns));
        [
            protocol(self.proto),
            format!("{src} → {dst}{network}"),
            "undecided".into(),
            none(),
            none(),
            none(),
            none(),
            units::grouped(self.packets_to_server + self.packets_to_client),
            units::bytes(self.bytes_to_server + self.bytes_to_client),
            units::grouped(self.dropped),
            none(),
            units::duration(idle),
        ]
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{KeyV4, Total};
    use ndpi_kernel::Clock;

    use super::*;

    #[test]
    fn the_client_comes_first_whichever_end_it_is() {
        let now =
            Now { ktime_ns: 9_000_000_000, clock: Clock::by_hand(), dry_run: false, began_ns: 0 };
        let (key, _) = KeyV4::new(([198, 18, 0, 1], 53), ([198, 18, 0, 2], 4000), 0, 17);
        let sent = [Total { packets: 1, bytes: 60 }, Total { packets: 2, bytes: 90 }];
        let client = Direction::FromUpper as u16;
        let track = Track { sent, client, shown: 3, last_seen: 70, ..Track::default() };
        let undecided = Undecided::new(&Key::V4(key), &track, &now);
        let object = serde_json::to_value(&undecided).unwrap();
        testkit::schema::checked(object.clone());
        assert_eq!((&object["src"], &object["sport"]), (&"198.18.0.2".into(), &4000.into()));
        assert_eq!(
            (&object["packets_to_server"], &object["bytes_to_client"]),
            (&2.into(), &60.into())
        );
        let cells = undecided.cells(&now);
        assert_eq!(cells[1], "198.18.0.2:4000 → 198.18.0.1:53");
        assert_eq!((&*cells[7], &*cells[11]), ("3", "2.0 s"));
    }
}
