//! Packets of flows that nDPI has not decided, in case that it dies of one: as records of a capture.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam::channel::Sender;
use ndpi_flow::Packet;

/// Bytes of one flow at most, and of all together. Beyond either, what is left of a flow is its last packets.
const MOST_OF_FLOW: usize = 128 << 10;
const MOST: usize = 32 << 20;

/// The packets of one flow.
#[derive(Debug, Default)]
pub(super) struct Shown(Vec<u8>);

/// Collects it, for all threads.
#[derive(Debug)]
pub(super) struct Evidence {
    /// Bytes that are kept.
    kept: AtomicUsize,
    /// Takes what has ended nDPI, as records of a capture.
    fatal: Sender<Vec<u8>>,
}

impl Evidence {
    pub(super) fn new(fatal: Sender<Vec<u8>>) -> Self {
        Self { kept: AtomicUsize::new(0), fatal }
    }

    /// Keeps a packet that nDPI is shown next.
    pub(super) fn keep(&self, shown: &mut Shown, packet: Packet<'_>) {
        let record = record(packet);
        let all = self.kept.load(Ordering::Relaxed) + record.len();
        if shown.0.len() + record.len() > MOST_OF_FLOW || all > MOST {
            self.forget(shown);
        }
        self.kept.fetch_add(record.len(), Ordering::Relaxed);
        shown.0.extend(record);
    }

    /// It has decided the flow, or sees no more of it.
    pub(super) fn forget(&self, shown: &mut Shown) {
        self.kept.fetch_sub(shown.0.len(), Ordering::Relaxed);
        shown.0 = Vec::new();
    }

    /// It has died of the last packet of the flow.
    pub(super) fn was_fatal(&self, shown: &mut Shown) {
        // Where so many wait to be written, this is one more of the same.
        let _ = self.fatal.try_send(shown.0.clone());
        self.forget(shown);
    }
}

/// A packet from its IP header on, as a record of a capture (pcap, in microseconds).
fn record(Packet { l3, time_ms }: Packet<'_>) -> Vec<u8> {
    let word = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let length = word(l3.len() as u64);
    let time = [word(time_ms / 1000), word(time_ms % 1000 * 1000)].concat();
    [&time[..], &length, &length, l3].concat()
}

#[cfg(test)]
mod tests {
    use crossbeam::channel::bounded;

    use super::{Evidence, MOST, MOST_OF_FLOW, Ordering, Packet, Shown, record};

    #[test]
    fn what_was_shown_comes_out_in_order_and_once() {
        let (sender, fatal) = bounded(1);
        let (evidence, mut shown) = (Evidence::new(sender), Shown::default());
        evidence.keep(&mut shown, Packet { l3: &[1; 40], time_ms: 1_001 });
        evidence.keep(&mut shown, Packet { l3: &[2; 50], time_ms: 2_500 });
        evidence.was_fatal(&mut shown);
        let expected = [
            &[1, 0, 0, 0, 0xe8, 3, 0, 0, 40, 0, 0, 0, 40, 0, 0, 0][..],
            &[1; 40],
            &[2, 0, 0, 0, 0x20, 0xa1, 7, 0, 50, 0, 0, 0, 50, 0, 0, 0],
            &[2; 50],
        ];
        assert_eq!(fatal.try_recv().unwrap(), expected.concat());
        assert_eq!(evidence.kept.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn of_one_flow_and_of_all_no_more_is_kept_than_there_is_room_for() {
        let (sender, fatal) = bounded(1);
        let evidence = Evidence::new(sender);
        let packet = vec![7; 60 << 10];
        let mut flows = Vec::new();
        for _ in 0..2 * MOST / MOST_OF_FLOW {
            let mut shown = Shown::default();
            for time_ms in 0..9 {
                evidence.keep(&mut shown, Packet { l3: &packet, time_ms });
                assert!(shown.0.len() <= MOST_OF_FLOW);
            }
            flows.push(shown);
            assert!(evidence.kept.load(Ordering::Relaxed) <= MOST + packet.len() + 16);
        }
        let last = flows.last_mut().unwrap();
        evidence.was_fatal(last);
        let written = fatal.try_recv().unwrap();
        assert!(
            written.ends_with(&record(Packet { l3: &packet, time_ms: 8 })),
            "the one that was fatal is there"
        );
        for mut shown in flows {
            evidence.forget(&mut shown);
        }
        assert_eq!(evidence.kept.load(Ordering::Relaxed), 0);
    }
}
