//! Property: of whatever is sent, the hello is read that the server has answered, as a whole.

use proptest::prelude::*;

use super::*;

/// Pieces of so many bytes, in an order, some of them twice, each beside a piece of another hello.
fn pieces() -> impl Strategy<Value = Vec<(usize, bool)>> {
    let all = (1_usize..8).prop_flat_map(|count| {
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        let again = prop::collection::vec(0..count, 0..4);
        (order, again).prop_map(|(order, again)| [order, again].concat())
    });
    all.prop_flat_map(|order| {
        let fakes = prop::collection::vec(any::<bool>(), order.len());
        (Just(order), fakes).prop_map(|(order, fakes)| order.into_iter().zip(fakes).collect())
    })
}

proptest! {
    #[test]
    fn a_hello_is_read_as_a_whole(sent in pieces(), wide in any::<bool>()) {
        let mut flow = Flow::default();
        let count = sent.iter().map(|(piece, _)| piece + 1).max().unwrap();
        let message: Vec<u8> = hello(0, 250).into_iter().zip(0..).map(|(byte, at)| byte ^ at).collect();
        let message = [&[1, 0, 0, 250], &message[4..]].concat();
        let size = message.len().div_ceil(count);
        for (piece, is_faked) in sent {
            let at = piece * size;
            let end = message.len().min(at + size + if wide { 9 } else { 0 });
            if is_faked {
                flow.send(true, 5, &opening(&[0x77; 8], &crypto(at, &[b'#'; 20])));
                flow.send(true, 5, &opening(ORIGINAL, &crypto(at, &vec![b'#'; size + 3])));
            }
            flow.client(&opening(ORIGINAL, &crypto(at, &message[at.min(end)..end])));
        }
        flow.server(&answer(ORIGINAL));
        prop_assert_eq!(flow.hellos(), [message]);
    }

    #[test]
    fn nothing_that_is_sent_goes_wrong(
        datagrams in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..20),
        cut in 0_usize..300,
    ) {
        let mut flow = Flow::default();
        let real = opening(ORIGINAL, &crypto(0, &hello(1, 200)));
        flow.client(&real[..cut.min(real.len())]);
        for (from_client, mut datagram) in datagrams {
            flow.send(from_client, TTL, &datagram);
            let version = [0xc0, 0, 0, 0, 1];
            let length = datagram.len().min(version.len());
            datagram[..length].copy_from_slice(&version[..length]);
            flow.send(from_client, TTL, &datagram);
        }
        flow.release();
        let mut crypto = Crypto::default();
        let rank = super::super::crypto::Rank { checksum: crate::normalise::checksum::Checksum::Valid, ttl: 1 };
        crypto.take(&real, rank, &mut flow.findings);
    }
}
