//! The fuzzer's corpus of QUIC, replayed: seeds, and whatever once went wrong.

use ndpi::Library;
use ndpi_flow::Detector as _;
use testkit::tls::message;
use testkit::{needs, seed};

#[path = "../../../../fuzz/cases/quic.rs"]
mod case;

use super::stream;

const SERVER: u8 = 1;
const CUT: u8 = 2;
const SECOND_VERSION: u8 = 4;
const OTHER_CHOSEN: u8 = 8;
const UNSEALED: u8 = 16;
const SHORT_LIVED: u8 = 32;

/// Frames (RFC 9000, section 19): a PING, an ACK of the first packet, a PADDING.
const PING: &[u8] = &[1];
const ACK: &[u8] = &[2, 0, 0, 0, 0];
const PADDING: &[u8] = &[0; 64];

#[test]
fn the_corpus_of_quic_holds() {
    seed::replay("quic", |data| stream::run(&case::for_streams(data)));
}

/// A frame with bytes of the handshake (RFC 9000, section 19.6).
fn crypto(at: usize, bytes: &[u8]) -> Vec<u8> {
    let number = |number: usize| (u16::try_from(number).unwrap() | 0x4000).to_be_bytes();
    [&[6][..], &number(at), &number(bytes.len()), bytes].concat()
}

/// A packet as the case reads it.
fn sent(bits: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[bits], &length[..], content].concat()
}

/// What the fuzzer of QUIC begins with: connections that open in ways that a receiver has a rule for.
#[test]
fn the_seeds_of_quic_are_in_the_repository() {
    let hello = message("a.example");
    let half = hello.len() / 2;
    let (whole, answer) = (crypto(0, &hello), sent(SERVER, ACK));
    let [first, last] = [crypto(0, &hello[..half]), crypto(half, &hello[half..])];
    let ids = [&[8][..], &[2; 8], &[8], &[3; 8]].concat();
    let retry = [&[0xf0, 0, 0, 0, 1][..], &ids, &[9; 8], &[0; 16]].concat();
    let versions = [&[0x80, 0, 0, 0, 0][..], &ids, &[0, 0, 0, 1]].concat();
    for (name, all) in [
        ("plain", vec![sent(0, &whole), answer.clone()]),
        ("second-version", vec![sent(SECOND_VERSION, &whole), answer.clone()]),
        ("in-two-packets", vec![sent(0, &first), sent(0, &last), answer.clone()]),
        ("in-disorder", vec![sent(0, &last), sent(0, &first), answer.clone()]),
        ("in-two-frames", vec![sent(0, &[&last[..], PING, PADDING, &first].concat())]),
        ("twice-and-differing", vec![sent(0, &whole), sent(0, &crypto(0, &[7; 300]))]),
        ("beside-another", vec![sent(OTHER_CHOSEN, &whole), sent(0, &whole), answer.clone()]),
        (
            "beside-a-fake",
            vec![sent(SHORT_LIVED, &crypto(0, &[9; 99])), sent(0, &whole), answer.clone()],
        ),
        ("cut", vec![sent(CUT, &whole), answer.clone()]),
        ("after-a-retry", vec![sent(0, &whole), sent(SERVER | UNSEALED, &retry)]),
        ("after-versions", vec![sent(0, &whole), sent(SERVER | UNSEALED, &versions)]),
        ("far-ahead", vec![sent(0, &crypto(9000, &[7; 900])), sent(0, &whole), answer.clone()]),
        ("unsealed", vec![sent(UNSEALED, &[0xc0; 200]), sent(UNSEALED, &[0x42; 60])]),
    ] {
        seed::hold("quic", name, &all.concat());
    }
}

/// A packet that is sealed wrongly would go no further than its tag, and the fuzzer no further than that.
#[test]
fn what_the_case_seals_can_be_read() {
    let Some(library) = needs(Library::load(None)) else { return };
    let engine = &library.engine().build().unwrap();
    let hello = [&crypto(0, &message("a.example"))[..], &[0; 1150]].concat();
    for bits in [0, SECOND_VERSION, OTHER_CHOSEN] {
        let mut flow = engine.open();
        for (_, l3) in case::sealed(&sent(bits, &hello)) {
            engine.inspect(&mut flow, &l3, 0);
        }
        assert_eq!(engine.details(&flow).hostname(), Some("a.example"), "{bits}");
    }
}
