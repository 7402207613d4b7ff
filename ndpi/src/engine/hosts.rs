//! Classifying host names.

use std::net::{Ipv4Addr, SocketAddrV4};

use ndpi_sys::packets;

use super::Engine;
use crate::{Asking, Classification, Direction, Hints};

/// Longest name in its written form, and longest label of one (RFC 1035, section 2.3.4).
const LONGEST: (usize, usize) = (253, 63);

impl Engine {
    /// The classification of a flow whose client asks for `host`, by a first packet made for it: what is loaded
    /// into the engine counts, as for real ones. `None` where it is no name.
    pub fn classify_host(&self, host: &str, asking: Asking) -> Option<Classification> {
        let (longest, longest_label) = LONGEST;
        let fits = |label: &str| (1..=longest_label).contains(&label.len());
        if host.len() > longest || !host.is_ascii() || !host.split('.').all(fits) {
            return None;
        }
        let client = SocketAddrV4::new(Ipv4Addr::new(198, 18, 0, 1), 50_000);
        let server = |port| SocketAddrV4::new(Ipv4Addr::new(198, 18, 0, 2), port);
        let request = |port, payload: &[u8]| {
            packets::tcp(client, server(port), packets::PSH_ACK, (1, 1), payload)
        };
        let packet = match asking {
            Asking::Tls => request(443, &packets::tls_client_hello(host, &["h2", "http/1.1"])),
            Asking::Http => request(80, &packets::http_get(host, "/", "Mozilla/5.0")),
            Asking::Dns => packets::udp(client, server(53), &packets::dns_query(host)),
        };
        let mut flow = self.flow();
        flow.process_with(
            &packet,
            0,
            Hints { direction: Some(Direction::ToServer), ..Hints::default() },
        );
        Some(flow.give_up())
    }
}
