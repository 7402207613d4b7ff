//! Property: of whatever is sent, that is read which a model of Linux's receiver reads.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// No message that would be waited for.
const TEXT: &[u8] = b":he bytes that arrive at the server in the end, in their order";

/// Where a piece begins and ends, and what is wrong with it.
type Sent = (usize, usize, Fault);

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Checksum,
    NoFlags,
    FarAway,
    Unsent,
}

/// A receiver that keeps every byte, but none of a segment with a fault.
#[derive(Default)]
struct Receiver(BTreeMap<usize, u8>);

impl Receiver {
    fn takes(&mut self, (from, to, fault): Sent) {
        if let Fault::None = fault {
            self.0.extend((from..to).map(|at| (at, TEXT[at])));
        }
    }

    /// The bytes without a hole before them.
    fn read(&self) -> Vec<u8> {
        (0..).map_while(|at| self.0.get(&at).copied()).collect()
    }
}

fn packet((from, to, fault): Sent) -> Segment {
    let at = i32::try_from(from).unwrap();
    let sent = CONNECTION.data(at, &TEXT[from..to]);
    let junk = CONNECTION.data(at, &vec![b'#'; to - from]);
    match fault {
        Fault::None => sent,
        Fault::Checksum => Segment { damage: 7, ..junk },
        Fault::NoFlags => Segment { flags: 0, ..junk },
        Fault::FarAway => Segment { sequence: junk.sequence.wrapping_add(1 << 28), ..junk },
        Fault::Unsent => Segment { acknowledged: CONNECTION.server + (1 << 29), ..junk },
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let fault = prop_oneof![
        4 => Just(Fault::None),
        1 => Just(Fault::Checksum),
        1 => Just(Fault::NoFlags),
        1 => Just(Fault::FarAway),
        1 => Just(Fault::Unsent),
    ];
    (0..TEXT.len(), 1..30_usize, fault)
        .prop_map(|(from, length, fault)| (from, (from + length).min(TEXT.len()), fault))
}

proptest! {
    #[test]
    fn what_is_read_is_what_a_receiver_reads(all in prop::collection::vec(sent(), 0..24)) {
        let mut receiver = Receiver::default();
        let mut connection = Connection::open();
        for one in all {
            connection.send(&packet(one));
            receiver.takes(one);
            prop_assert_eq!(connection.read(), receiver.read());
        }
    }

    #[test]
    fn acknowledgements_change_nothing_of_it(
        all in prop::collection::vec((sent(), any::<bool>()), 0..24),
    ) {
        let mut receiver = Receiver::default();
        let mut connection = Connection::open();
        for (one, acknowledged) in all {
            connection.send(&packet(one));
            receiver.takes(one);
            if acknowledged {
                let read = receiver.read().len();
                connection.send(&CONNECTION.answer(read, b""));
            }
            prop_assert_eq!(connection.read(), receiver.read());
        }
    }

    #[test]
    fn no_bytes_are_too_odd(
        all in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..8),
    ) {
        let mut connection = Connection::open();
        for (from_client, mut l3) in all {
            connection.send_l3(from_client, &l3);
            // The same as the TCP header of a packet that can be read.
            l3.splice(0..0, CONNECTION.data(0, b"").l3()[..20].iter().copied());
            let length = u16::try_from(l3.len()).unwrap().to_be_bytes();
            l3[2..4].copy_from_slice(&length);
            connection.send_l3(from_client, &l3);
        }
        connection.release_all();
        prop_assert!(connection.stream.kept() <= MOST_KEPT);
    }
}
