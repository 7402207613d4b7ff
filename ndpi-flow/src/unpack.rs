//! Samples out of the records of the kernel's rings.

use ndpi_common::{Hook, SampleFlags, SampleHeader};

use crate::resegment::fit;
use crate::sample::Sample;
use crate::tenant::Tenant;

/// So many packets before the end of a budget, few are left: more are on their way while user space looks at one.
const FEW: u32 = 8;

/// Makes samples, with room for one packet that is rewritten; others stay where they are.
#[derive(Debug)]
pub struct Unpacker {
    rewritten: Vec<u8>,
    budget: u32,
}

impl Unpacker {
    /// Of a flow, the kernel shows `budget` packets at most.
    pub fn new(budget: u32) -> Self {
        Self { rewritten: Vec::new(), budget }
    }

    /// The sample of a record: its header, when it was seen (nanoseconds since the Unix epoch), and
    /// the bytes of the packet from its IP header on. `None` for a header of no known family.
    pub fn sample<'a>(
        &'a mut self,
        header: &SampleHeader,
        time_ns: u64,
        l3: &'a [u8],
    ) -> Option<Sample<'a>> {
        let ends_allowance = header.flags & SampleFlags::LAST != 0;
        let (key, last) = (header.key()?, header.number >= self.budget || ends_allowance);
        // What meets a verdict is not counted.
        let scarce = header.number > 0 && header.number.saturating_add(FEW) >= self.budget;
        let odd = SampleFlags::CUT | SampleFlags::NO_LENGTH;
        let l3 = if header.segment_size > 0 || header.flags & odd != 0 {
            self.rewrite(l3, header.segment_size)
        } else {
            l3
        };
        // What a server's sake drops goes nowhere as what is inside.
        let outer = SampleFlags::OUTER | SampleFlags::SERVER;
        Some(Sample {
            key,
            tenant: Tenant::default(),
            direction: header.direction(),
            time_ns,
            clock_ns: time_ns,
            l3,
            bytes: header.wire_bytes,
            packets: u32::from(header.segments.max(1)),
            tcp_flags: header.tcp_flags,
            ifindex: header.ifindex,
            reopened: header.flags & SampleFlags::REOPENED != 0,
            rejected: header.flags & SampleFlags::REJECTED != 0,
            watched: header.flags & SampleFlags::WATCHED != 0,
            blocked: header.flags & SampleFlags::SERVER != 0,
            last,
            scarce,
            empty: header.flags & SampleFlags::EMPTY != 0,
            under_way: header.flags & SampleFlags::UNDER_WAY != 0,
            loss: header.flags & SampleFlags::LOSS != 0,
            stray: header.flags & SampleFlags::STRAY != 0,
            cut: header.flags & SampleFlags::CUT != 0,
            in_doubt: false,
            tunneled: header.flags & SampleFlags::TUNNELED != 0,
            outer: header.flags & outer == SampleFlags::OUTER,
            ingress: header.hook() == Hook::Xdp,
            sequence: header.sequence,
            link: header.link,
        })
    }

    /// The packet with lengths that fit what is there of it.
    fn rewrite(&mut self, l3: &[u8], segment_size: u32) -> &[u8] {
        self.rewritten.clear();
        self.rewritten.extend_from_slice(l3);
        let length = fit(&mut self.rewritten, segment_size);
        &self.rewritten[..length]
    }
}
