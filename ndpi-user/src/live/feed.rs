//! Samples on their way from the rings to the classifier of a worker.

use std::time::Duration;

use anyhow::Result;
use ndpi_common::{SampleFlags, SampleHeader};
use ndpi_flow::{Sample, Unpacker, may_open_quic};
use ndpi_kernel::{Clock, Rings, Waiting};

use super::arrivals::Arrivals;
use super::backlog::Behind;
use super::initials::Initials;
use crate::interfaces::Roster;

/// A sample of the kernel's, and when it was seen and taken.
pub(super) struct Fed<'a> {
    pub sample: Sample<'a>,
    /// nDPI can do without it, and the worker is behind.
    pub is_spared: bool,
    /// When the packet was seen, nanoseconds since boot.
    pub seen_ns: u64,
    /// When the worker began with what was there, with this sample among it.
    pub read_ns: u64,
}

/// Where samples come from.
pub(super) trait Feed {
    /// Hands out samples that are there, or waits until some are there or a message is, for at most `timeout`;
    /// returns how many it handed out.
    fn poll(&mut self, timeout: Duration, each: impl FnMut(Fed<'_>)) -> Result<usize>;
}

/// The rings of a worker.
#[derive(Debug)]
pub(super) struct RingFeed {
    pub(super) rings: Rings,
    pub(super) unpacker: Unpacker,
    pub(super) clock: Clock,
    pub(super) interfaces: Roster,
    pub(super) arrivals: Arrivals,
    pub(super) initials: Initials,
}

impl Feed for RingFeed {
    fn poll(&mut self, timeout: Duration, mut each: impl FnMut(Fed<'_>)) -> Result<usize> {
        let Self { rings, unpacker, clock, interfaces, arrivals, initials } = self;
        let polled = rings.serve(Some(timeout), |header, l3, waiting| {
            arrivals.note(header.ifindex, interfaces);
            let time_ns = clock.epoch_ns(header.ktime_ns);
            let Some(sample) = unpacker.sample(header, time_ns, l3) else { return };
            let is_spared = is_spared(&sample, header, waiting, initials);
            let read_ns = header.ktime_ns + u64::try_from(waiting.time.as_nanos()).unwrap_or(0);
            each(Fed { sample, is_spared, seen_ns: header.ktime_ns, read_ns });
        })?;
        Ok(polled.samples)
    }
}

/// Whether a sample is left out: nDPI can do without it, or has been given what came later. A client says in the first
/// packet of a QUIC connection whose site it asks for, and not again: such a packet is left out only in a flood of them.
fn is_spared(
    sample: &Sample,
    header: &SampleHeader,
    waiting: Waiting,
    initials: &mut Initials,
) -> bool {
    let is_empty = header.flags & SampleFlags::EMPTY != 0;
    let is_spared = waiting.is_overtaken && is_empty || Behind::of(waiting).spares(header);
    is_spared && !sample.last && !(may_open_quic(sample) && initials.take(sample, header.ktime_ns))
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Direction, KeyV4};
    use ndpi_flow::FlowKey;

    use super::*;

    #[test]
    fn what_came_too_late_to_say_anything_is_left_out() {
        // SAFETY: integers and byte arrays only: all zeros is a header.
        let header: SampleHeader = unsafe { std::mem::zeroed() };
        let syn = SampleHeader { flags: SampleFlags::EMPTY, ..header };
        let query = SampleHeader { number: 1, ..header };
        let overtaken = Waiting { is_overtaken: true, ..Waiting::default() };
        let is_spared =
            |header, waiting| is_spared(&sample(&[]), header, waiting, &mut Initials::default());
        assert!(is_spared(&syn, overtaken) && !is_spared(&syn, Waiting::default()));
        assert!(!is_spared(&query, overtaken), "it is of another flow than what is urgent");
    }

    /// A packet of some flow of UDP.
    fn sample(l3: &[u8]) -> Sample<'_> {
        let key = KeyV4::new(([198, 18, 0, 2], 4000), ([198, 18, 0, 1], 443), 0, 17).0;
        Sample::new(FlowKey::V4(key), Direction::FromLower, 0, l3)
    }

    #[test]
    fn what_opens_a_quic_connection_is_looked_at_however_much_waits_but_for_a_flood() {
        // SAFETY: integers and byte arrays only: all zeros is a header.
        let header: SampleHeader = unsafe { std::mem::zeroed() };
        let first = SampleHeader { number: 1, ..header };
        let far = Waiting { bytes: 1 << 20, time: Duration::from_secs(1), is_overtaken: false };
        let initial = [&[0xc3, 0, 0, 0, 1, 8][..], &[0x11; 1194]].concat();
        for (payload, spared) in [(&initial[..], false), (&[0x41; 1200], true), (b"hello", true)] {
            let l3 = testkit::packets::udp([4000, 443], false, payload);
            let is_spared = is_spared(&sample(&l3), &first, far, &mut Initials::default());
            assert_eq!(is_spared, spared, "{payload:?}");
        }
        let l3 = testkit::packets::udp([4000, 443], false, &initial);
        let mut initials = Initials::default();
        let mut looked_at = |header: &SampleHeader, waiting| {
            (0..1000).filter(|_| !is_spared(&sample(&l3), header, waiting, &mut initials)).count()
        };
        let of_a_flood = looked_at(&first, far);
        assert!((1..1000).contains(&of_a_flood), "{of_a_flood}");
        let later = SampleHeader { number: 2, ..header };
        assert_eq!(looked_at(&later, far), 1000, "its client said more, or was answered");
        assert_eq!(looked_at(&first, Waiting::default()), 1000, "nothing waits");
    }
}
