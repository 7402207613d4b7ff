//! DNS, mDNS and LLMNR.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ndpi_sys::constants::{PROTOCOL_DNS, PROTOCOL_LLMNR, PROTOCOL_MDNS};
use ndpi_sys::flow::dns as field;

use crate::Flow;

/// The last DNS message of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// The name that was asked for.
    pub name: Option<String>,
    /// The type that was asked for: 1 is A, 28 AAAA, 65 HTTPS, …
    pub query_type: u16,
    /// The number by which a response is matched to its query.
    pub transaction: u16,
    /// The response, where one was seen.
    pub response: Option<DnsResponse>,
}

/// What a DNS response says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsResponse {
    /// The response code: 0 is success, 3 that there is no such name.
    pub code: u8,
    /// Records in the answer.
    pub answers: u8,
    /// The type of the last record that nDPI looked at.
    pub record_type: u16,
    /// The addresses in the answer, four at most.
    pub addresses: Vec<DnsAddress>,
}

/// An address in a DNS response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsAddress {
    /// The address.
    pub address: IpAddr,
    /// How long it may be remembered, in seconds.
    pub ttl: u32,
}

impl<E: crate::HoldsEngine> Flow<E> {
    /// The last DNS message of the flow; `None` for flows that are not DNS, mDNS or LLMNR, at next to
    /// no cost. Part of [`metadata`](Self::metadata).
    pub fn dns(&self) -> Option<Dns> {
        if ![PROTOCOL_DNS, PROTOCOL_MDNS, PROTOCOL_LLMNR].iter().any(|&id| self.is(id)) {
            return None;
        }
        // Only the port said so: there was no message that could be read.
        if self.classification().guessed {
            return None;
        }
        let answered = self.read(field::QUERY_BITS) & 1 == 0;
        Some(Dns {
            name: self.hostname().map(Into::into),
            query_type: self.read(field::QUERY_TYPE),
            transaction: self.read(field::TRANSACTION),
            response: answered.then(|| self.dns_response()),
        })
    }

    fn dns_response(&self) -> DnsResponse {
        DnsResponse {
            code: self.read(field::REPLY_CODE),
            answers: self.read(field::ANSWERS),
            record_type: self.read(field::RESPONSE_TYPE),
            addresses: self.dns_addresses(),
        }
    }

    fn dns_addresses(&self) -> Vec<DnsAddress> {
        let count = usize::from(self.read(field::ADDRESS_COUNT));
        let bytes = self.read(field::ADDRESSES);
        let families = self.read(field::ADDRESS_IS_V6);
        let ttls = self.read(field::TTLS);
        let all = bytes.iter().zip(families).zip(ttls);
        let addresses = all
            .map(|((bytes, is_v6), ttl)| DnsAddress { address: address(*bytes, is_v6 != 0), ttl });
        addresses.take(count).collect()
    }
}

fn address(bytes: [u8; 16], is_v6: bool) -> IpAddr {
    if is_v6 {
        return Ipv6Addr::from(bytes).into();
    }
    let [a, b, c, d, ..] = bytes;
    Ipv4Addr::new(a, b, c, d).into()
}
