//! Samples on their way from one thread to another: many in one allocation, which is used again.

use std::ops::Range;

use ndpi_common::{Direction, SequenceNumbers};

use crate::key::FlowKey;
use crate::sample::Sample;
use crate::tenant::Tenant;

/// Copies of samples, their bytes side by side.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    samples: Vec<Placed>,
    /// When the packet of its first sample was seen, nanoseconds since boot.
    pub seen_ns: u64,
    /// When it was sent to the other thread, nanoseconds since boot.
    pub sent_ns: u64,
}

/// A sample without its bytes, and where these are.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read by name")]
struct Placed {
    key: FlowKey,
    tenant: Tenant,
    direction: Direction,
    tcp_flags: u8,
    time_ns: u64,
    bytes: u32,
    packets: u32,
    ifindex: u32,
    reopened: bool,
    rejected: bool,
    watched: bool,
    blocked: bool,
    last: bool,
    empty: bool,
    under_way: bool,
    loss: bool,
    tunneled: bool,
    outer: bool,
    ingress: bool,
    sequence: SequenceNumbers,
    l3: Range<usize>,
}

impl Batch {
    /// Copies a sample to the end.
    pub fn push(&mut self, sample: &Sample) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(sample.l3);
        self.samples.push(Placed {
            key: sample.key,
            tenant: sample.tenant,
            direction: sample.direction,
            tcp_flags: sample.tcp_flags,
            time_ns: sample.time_ns,
            bytes: sample.bytes,
            packets: sample.packets,
            ifindex: sample.ifindex,
            reopened: sample.reopened,
            rejected: sample.rejected,
            watched: sample.watched,
            blocked: sample.blocked,
            last: sample.last,
            empty: sample.empty,
            under_way: sample.under_way,
            loss: sample.loss,
            tunneled: sample.tunneled,
            outer: sample.outer,
            ingress: sample.ingress,
            sequence: sample.sequence,
            l3: start..self.bytes.len(),
        });
    }

    /// The samples, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = Sample<'_>> {
        self.samples.iter().map(|placed| Sample {
            key: placed.key,
            tenant: placed.tenant,
            direction: placed.direction,
            time_ns: placed.time_ns,
            clock_ns: placed.time_ns,
            l3: &self.bytes[placed.l3.clone()],
            bytes: placed.bytes,
            packets: placed.packets,
            tcp_flags: placed.tcp_flags,
            ifindex: placed.ifindex,
            reopened: placed.reopened,
            rejected: placed.rejected,
            watched: placed.watched,
            blocked: placed.blocked,
            last: placed.last,
            empty: placed.empty,
            under_way: placed.under_way,
            loss: placed.loss,
            tunneled: placed.tunneled,
            outer: placed.outer,
            ingress: placed.ingress,
            sequence: placed.sequence,
        })
    }

    /// How many samples it holds.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// How many packets they are of: one that carries another is counted as what is inside.
    pub fn packets(&self) -> usize {
        self.samples.iter().filter(|placed| !placed.outer).count()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// How many bytes of packets it holds.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Direction, KeyV4};

    use super::Batch;
    use crate::key::FlowKey;
    use crate::sample::Sample;

    #[test]
    fn samples_come_out_as_they_went_in() {
        let key = KeyV4 {
            lower: [198, 18, 0, 1],
            upper: [198, 18, 0, 2],
            lower_port: 1,
            upper_port: 2,
            vlan: 0,
            proto: 17,
            tunnel: 0,
        };
        let sample = |l3, time_ns| Sample {
            bytes: 9,
            ifindex: 3,
            ..Sample::new(FlowKey::V4(key), Direction::FromUpper, time_ns, l3)
        };
        let mut batch = Batch::default();
        batch.push(&sample(b"first", 1));
        batch.push(&sample(b"", 2));
        batch.push(&Sample { outer: true, ..sample(b"third", 3) });
        let seen: Vec<_> =
            batch.iter().map(|sample| (sample.l3.to_vec(), sample.time_ns)).collect();
        assert_eq!(seen, [(b"first".to_vec(), 1), (Vec::new(), 2), (b"third".to_vec(), 3)]);
        assert_eq!((batch.len(), batch.packets(), batch.byte_len()), (3, 2, 10));
        batch.clear();
        assert!(batch.is_empty());
    }
}
