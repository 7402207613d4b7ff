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

    /// Whether `key`, as bpftool formats `KeyV4` and `KeyV6`, is of this flow. Which end comes
    /// first is the kernel's matter.
    pub(super) fn has_key(&self, key: &Value) -> bool {
        let end = |address: &str, port: &str| Some((bytes(&key[address])?, key[port].as_u64()?));
        let (Some(lower), Some(upper)) = (end("lower", "lower_port"), end("upper", "upper_port"))
        else {
            return false;
        };
        key["proto"].as_u64() == Some(self.proto.into())
            && [(&lower, &upper), (&upper, &lower)].into_iter().any(|(client, server)| {
                client.0 == octets(self.client.0)
                    && self.client.1.is_none_or(|port| client.1 == u64::from(port))
                    && server.0 == octets(self.server.0)
                    && server.1 == u64::from(self.server.1)
            })
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn bytes(array: &Value) -> Option<Vec<u8>> {
    array.as_array()?.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lab::topology::{CLIENT_V4, SERVER_V4};

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
    }
}
