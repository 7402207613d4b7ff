//! From ring records to the workers that own their flows.

use crossbeam::channel::Receiver;
use ndpi_common::SampleHeader;
use ndpi_flow::{Batch, Shards, Unpacker};

use super::lane::Lane;
use super::outbox::Outbox;

/// A batch goes out when it holds this many samples, or when the rings are empty for now.
const BATCH_SAMPLES: usize = 32;

/// Sorts samples by the worker that owns their flow.
#[derive(Debug)]
pub(super) struct Reader {
    lanes: Vec<Lane>,
    shards: Shards,
    empties: Receiver<Batch>,
    unpacker: Unpacker,
}

impl Reader {
    /// A reader for workers by their outboxes, among which `shards` divides the flows, and
    /// which give empty batches back to `empties`. Of a flow, `budget` packets are shown at most.
    pub(super) fn new(
        workers: impl IntoIterator<Item = Outbox>,
        shards: Shards,
        empties: Receiver<Batch>,
        budget: u32,
    ) -> Self {
        let workers: Vec<_> = workers.into_iter().collect();
        let has_neighbours = workers.len() > 1;
        let lane = |outbox| Lane::new(outbox, has_neighbours);
        let lanes = workers.into_iter().map(lane).collect();
        Self { lanes, shards, empties, unpacker: Unpacker::new(budget) }
    }

    /// Takes one record: its header, when it was seen (nanoseconds since the Unix epoch), and the
    /// bytes of the packet from its IP header on. A worker that is behind is not given what nDPI can do
    /// without. One that takes no more makes this wait, for a moment if there are others: what it does not
    /// take then is lost, with a count.
    pub(super) fn take(&mut self, header: &SampleHeader, time_ns: u64, l3: &[u8]) {
        let Some(sample) = self.unpacker.sample(header, time_ns, l3) else { return };
        let owner = self.shards.owner(&sample.key);
        let lane = &mut self.lanes[owner];
        // After the last, no other comes that could decide the flow.
        if !sample.last && lane.spares(header) {
            return;
        }
        if lane.push(sample, header.ktime_ns) >= BATCH_SAMPLES {
            self.send(owner);
        }
    }

    /// Sends what was taken and not sent yet.
    pub(super) fn flush(&mut self) {
        for owner in 0..self.lanes.len() {
            if !self.lanes[owner].is_empty() {
                self.send(owner);
            }
        }
    }

    fn send(&mut self, owner: usize) {
        let empty = self.empties.try_recv().unwrap_or_default();
        self.lanes[owner].send(empty);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
    use ndpi_common::{Key, KeyV4, SampleFlags, SampleHeader};
    use ndpi_flow::{Batch, Sample, Shards};

    use super::{BATCH_SAMPLES, Outbox, Reader};
    use crate::live::backlog::Behind;
    use crate::live::message::Message;

    const BUDGET: u32 = 5;

    fn header(port: u16, flags: u16) -> SampleHeader {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], port), ([198, 18, 0, 2], 443), 0, 17);
        // SAFETY: integers and byte arrays only: all zeros is a header.
        let mut header: SampleHeader = unsafe { std::mem::zeroed() };
        header.set_key(&Key::V4(key));
        header.direction = direction as u8;
        (header.wire_bytes, header.flags) = (60, flags);
        header
    }

    fn reader(workers: usize) -> (Reader, Vec<Receiver<Message>>, Sender<Batch>) {
        let (outboxes, inboxes): (Vec<_>, Vec<_>) = (0..workers).map(|_| unbounded()).unzip();
        let (give, empties) = unbounded();
        let shards = Shards::seeded(outboxes.len());
        let workers = outboxes.into_iter().map(|outbox| Outbox::new(outbox, Arc::default()));
        (Reader::new(workers, shards, empties, BUDGET), inboxes, give)
    }

    fn samples(message: Message) -> Batch {
        match message {
            Message::Samples(batch) => batch,
            other => panic!("not samples: {other:?}"),
        }
    }

    #[test]
    fn all_samples_of_a_flow_go_to_one_worker_in_order() {
        let (mut reader, inboxes, _give) = reader(3);
        for index in 0..60u8 {
            reader.take(&header(1 + u16::from(index % 20), 0), 1005, &[index]);
        }
        reader.flush();
        let mut seen = 0;
        for inbox in inboxes {
            let mut ports = std::collections::HashMap::<u16, Vec<u8>>::new();
            for message in inbox.try_iter() {
                for sample in samples(message).iter() {
                    assert_eq!((sample.time_ns, sample.packets, sample.bytes), (1005, 1, 60));
                    ports.entry(sample.key.ports().0).or_default().push(sample.l3[0]);
                }
            }
            for order in ports.values() {
                assert_eq!((order.len(), order.is_sorted()), (3, true));
                seen += order.len();
            }
        }
        assert_eq!(seen, 60);
    }

    #[test]
    fn full_batches_go_out_at_once_and_come_back() {
        let (mut reader, inboxes, give) = reader(1);
        give.send(Batch::default()).unwrap();
        for _ in 0..BATCH_SAMPLES {
            reader.take(
                &header(9, SampleFlags::REOPENED | SampleFlags::REJECTED | SampleFlags::SERVER),
                5,
                &[1, 2, 3],
            );
        }
        let batch = samples(inboxes[0].try_recv().unwrap());
        assert_eq!((batch.len(), batch.byte_len()), (BATCH_SAMPLES, 3 * BATCH_SAMPLES));
        let as_sent = |sample: Sample| {
            sample.reopened && sample.rejected && sample.blocked && !sample.tunneled
        };
        assert!(batch.iter().all(as_sent));
        assert!(give.is_empty(), "the batch that came back is in use again");
        reader.flush();
        assert!(inboxes[0].is_empty());
    }

    #[test]
    fn the_sample_that_uses_up_the_budget_is_the_last() {
        let (mut reader, inboxes, _give) = reader(1);
        for number in 1..=BUDGET {
            reader.take(&SampleHeader { number, ..header(9, 0) }, 5, &[]);
        }
        reader.flush();
        let batch = samples(inboxes[0].try_recv().unwrap());
        let last: Vec<_> = batch.iter().map(|sample| sample.last).collect();
        assert_eq!(last, [false, false, false, false, true]);
    }

    #[test]
    fn a_worker_that_is_behind_is_spared_what_opens_flows() {
        let (mut reader, inboxes, _give) = reader(1);
        let syn = |port| SampleHeader { number: 1, ..header(port, SampleFlags::EMPTY) };
        let hello = SampleHeader { number: 4, ..header(7, 0) };
        let last = SampleHeader { number: BUDGET, ..header(8, SampleFlags::EMPTY) };
        // Nobody works: batches wait for longer and longer.
        let mut sent = 0;
        while reader.lanes[0].behind == Behind::No {
            reader.take(&syn(100), 5, &[]);
            sent += 1;
            std::thread::sleep(std::time::Duration::from_micros(20));
        }
        for port in 0..1000 {
            reader.take(&syn(1000 + port), 5, &[]);
        }
        reader.take(&hello, 5, &[1]);
        reader.take(&last, 5, &[]);
        reader.flush();
        let samples: usize = inboxes[0].try_iter().map(|message| samples(message).len()).sum();
        assert_eq!(samples, sent + 2, "the hello, what ends a budget, and nothing else");
        assert_eq!(reader.lanes[0].outbox.backlog().spared(), 1000);
    }

    #[test]
    fn a_worker_that_is_stuck_keeps_no_other_from_its_samples() {
        let (stuck, stuck_inbox) = bounded(1);
        let (works, works_inbox) = unbounded();
        let outboxes = [stuck, works].map(|outbox| Outbox::new(outbox, Arc::default()));
        outboxes[0].backlog().set_stuck(true);
        let (_give, empties) = unbounded();
        let mut reader = Reader::new(outboxes, Shards::seeded(2), empties, BUDGET);
        for port in 1..=1000 {
            reader.take(&header(port, 0), 5, &[]);
            reader.flush();
        }
        let taken = works_inbox.try_iter().count() as u64;
        let backlog = reader.lanes[0].outbox.backlog();
        assert_eq!((stuck_inbox.len(), backlog.queue_full()), (1, 1000 - taken - 1));
        assert!(taken > 0 && backlog.queue_full() > 0);
    }

    #[test]
    fn a_record_of_no_known_family_is_left_out() {
        let (mut reader, inboxes, _give) = reader(1);
        let mut header = header(9, 0);
        header.family = 7;
        reader.take(&header, 5, &[]);
        reader.flush();
        assert!(inboxes[0].is_empty());
    }
}
