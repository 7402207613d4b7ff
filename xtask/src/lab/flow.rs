//! Which flow a request became: found in the records of `ndpi-xdp` and in the kernel's map.

use std::net::IpAddr;

use serde_json::Value;

/// A flow, as the lab knows it beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowId {
    /// IP protocol number.
    pub(super) proto: u8,
    /// The client's address, and its port where the lab could choose it. Where it could not, the
    /// server's address and port are the flow's alone.
    pub(super) client: (IpAddr, Option<u16>),
    /// The server's address and port.
    pub(super) server: (IpAddr, u16),
}

impl FlowId {
    /// Whether `record`, an object with `proto`, `src`, `sport`, `dst` and `dport`, is of this flow.
    pub(super) fn is_of(&self, record: &Value) -> bool {
        let address = |field: &str| record[field].as_str().and_then(|text| text.parse().ok());
        let number = |field: &str| record[field].as_u64();
        number("proto") == Some(self.proto.into())
            && address("src") == Some(self.client.0)
            && address("dst") == Some(self.server.0)
            && number("dport") == Some(self.server.1.into())
            && self.client.1.is_none_or(|port| number("sport") == Some(port.into()))
    }

    /// Whether `entry`, as `ndpi-xdp verdicts` writes it, is of this flow.
    pub(super) fn has_entry(&self, entry: &Value) -> bool {
        let address = |field: &str| entry[field].as_str()?.parse().ok();
        self.has_ends(entry, address)
    }

    /// Whether `key`, as bpftool formats `KeyV4` and `KeyV6`, is of this flow.
    pub(super) fn has_key(&self, key: &Value) -> bool {
        self.has_ends(key, |field| address(&key[field]))
    }

    /// Whether the ends called `lower` and `upper` are this flow's. Which one comes first is the
    /// kernel's matter.
    fn has_ends(&self, of: &Value, address: impl Fn(&str) -> Option<IpAddr>) -> bool {
        let end = |name: &str| Some((address(name)?, of[format!("{name}_port")].as_u64()?));
        let (Some(lower), Some(upper)) = (end("lower"), end("upper")) else { return false };
        of["proto"].as_u64() == Some(self.proto.into())
            && [(lower, upper), (upper, lower)].into_iter().any(|(client, server)| {
                client.0 == self.client.0
                    && self.client.1.is_none_or(|port| client.1 == u64::from(port))
                    && server == (self.server.0, self.server.1.into())
            })
    }
}

/// An address as an array of its bytes.
fn address(array: &Value) -> Option<IpAddr> {
    let byte = |byte: &Value| u8::try_from(byte.as_u64()?).ok();
    let bytes = array.as_array()?.iter().map(byte).collect::<Option<Vec<_>>>()?;
    let v4 = <[u8; 4]>::try_from(&bytes[..]).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(&bytes[..]).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use testkit::topology::{CLIENT_V4, SERVER_V4};

    fn flow(sport: Option<u16>) -> FlowId {
        FlowId { proto: 6, client: (CLIENT_V4, sport), server: (SERVER_V4, 443) }
    }

    #[test]
    fn a_record_is_told_by_all_five_fields() {
        let record = json!({"proto": 6, "src": "198.18.1.2", "sport": 40_000,
                            "dst": "198.18.2.2", "dport": 443});
        assert!(flow(Some(40_000)).is_of(&record) && flow(None).is_of(&record));
        for (field, other) in [
            ("proto", json!(17)),
            ("src", json!("198.18.1.9")),
            ("sport", json!(1)),
            ("dst", json!("198.18.1.2")),
            ("dport", json!(80)),
        ] {
            let mut different = record.clone();
            different[field] = other;
            assert!(!flow(Some(40_000)).is_of(&different), "{field}");
        }
    }

    #[test]
    fn a_key_matches_whichever_end_is_lower() {
        let key = json!({"lower": [198, 18, 1, 2], "upper": [198, 18, 2, 2], "lower_port": 40_000,
                         "upper_port": 443, "proto": 6});
        assert!(flow(Some(40_000)).has_key(&key) && flow(None).has_key(&key));
        assert!(!flow(Some(40_001)).has_key(&key));
        let turned = json!({"lower": [198, 18, 2, 2], "upper": [198, 18, 1, 2], "lower_port": 443,
                            "upper_port": 40_000, "proto": 6});
        assert!(flow(Some(40_000)).has_key(&turned));
        assert!(!flow(Some(40_000)).has_key(&json!({"lower": "?"})));
        let written = json!({"lower": "198.18.1.2", "upper": "198.18.2.2", "lower_port": 40_000,
                             "upper_port": 443, "proto": 6});
        assert!(flow(Some(40_000)).has_entry(&written) && !flow(Some(1)).has_entry(&written));
    }
}
