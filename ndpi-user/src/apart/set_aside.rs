//! Flows of which a packet has ended nDPI: it sees no more of them.

use std::collections::VecDeque;

use ndpi_common::parse::{self, Captured, Options};
use ndpi_flow::FlowKey;

/// Flows that are remembered. Whoever has more of them makes workers die so often that none is started for a
/// while.
const KEPT: usize = 256;

/// The last of them, by their keys.
#[derive(Debug, Default)]
pub(super) struct SetAside(VecDeque<FlowKey>);

impl SetAside {
    pub(super) fn has(&self, key: &FlowKey) -> bool {
        self.0.contains(key)
    }

    pub(super) fn insert(&mut self, key: FlowKey) {
        if self.has(&key) {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(key);
    }
}

/// The key of the flow that a packet from the IP header on belongs to. VLANs and tunnels are not known here: flows
/// that differ in these alone are set aside together.
pub(super) fn key_of(l3: &[u8]) -> Option<FlowKey> {
    let wire_len = u32::try_from(l3.len()).unwrap_or(u32::MAX);
    let packet = parse::from_ip(&Captured { bytes: l3, wire_len }, 0, Options::LENIENT).ok()?;
    Some(packet.flow_key())
}

#[cfg(test)]
mod tests {
    use ndpi_flow::key_between;

    use super::*;

    fn key(port: u16) -> FlowKey {
        let ends = [1, 2].map(|host| [198, 18, 0, host].into());
        key_between((ends[0], port), (ends[1], 443), (0, 6, 0)).unwrap().0
    }

    #[test]
    fn the_last_are_remembered() {
        let mut aside = SetAside::default();
        for port in 1..=300 {
            aside.insert(key(port));
            aside.insert(key(port));
        }
        assert!(!aside.has(&key(300 - 256)) && aside.has(&key(300 - 255)) && aside.has(&key(300)));
    }
}
