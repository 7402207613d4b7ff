//! IPv4 headers.

use ndpi_common::Reason;
use testkit::frame::{ACK, V4, counted};

use super::{Blocked, Way, try_all, unparsable};
use crate::forms::patched;

#[test]
fn options_do_not_hide_a_flow() {
    let hello = V4.transport(true, ACK, b"hello");
    let with = |options: &[u8]| V4.ipv4(true, options, 0, &hello);
    try_all(&[
        Way::new("no operation", V4, with(&[1; 4]), Blocked),
        Way::new("as many as there can be", V4, with(&[1; 40]), Blocked),
        Way::new("an end and rubbish", V4, with(&[0, 0xff, 0xff, 0xff]), Blocked),
        Way::new("record route", V4, with(&[7, 7, 4, 0, 0, 0, 0, 0]), Blocked),
        Way::new("loose source route", V4, with(&[131, 7, 4, 198, 18, 9, 9, 0]), Blocked),
        Way::new("strict source route", V4, with(&[137, 7, 4, 198, 18, 9, 9, 0]), Blocked),
        Way::new("time stamps", V4, with(&[68, 8, 5, 0, 0, 0, 0, 0]), Blocked),
        Way::new("router alert", V4, with(&[148, 4, 0, 0]), Blocked),
        Way::new("lengths that lie", V4, with(&[131, 0xff, 4, 198]), Blocked),
        Way::new("an option that is unknown", V4, with(&[0x9e, 4, 1, 2]), Blocked),
    ]);
}

#[test]
fn fields_that_the_flow_does_not_depend_on_do_not_hide_it() {
    let plain = || V4.out(ACK, b"hello");
    try_all(&[
        Way::new("another service", V4, patched(plain(), 15, &[0xb8]), Blocked),
        Way::new("another identification", V4, patched(plain(), 18, &[9, 9]), Blocked),
        Way::new("the reserved bit", V4, patched(plain(), 20, &[0x80, 0]), Blocked),
        Way::new("may be fragmented", V4, patched(plain(), 20, &[0, 0]), Blocked),
        Way::new("no hops left", V4, patched(plain(), 22, &[0]), Blocked),
        Way::new("a wrong checksum", V4, patched(plain(), 24, &[0xff, 0xff]), Blocked),
        Way::new("other hardware addresses", V4, patched(plain(), 0, &[0xff; 12]), Blocked),
    ]);
}

#[test]
fn lengths_do_not_hide_a_flow() {
    let plain = || V4.out(ACK, b"hello");
    let padded = |bytes| [plain(), vec![0; bytes]].concat();
    let length = |length: u16| patched(plain(), 16, &length.to_be_bytes());
    let whole = u16::try_from(counted(&plain())).unwrap();
    try_all(&[
        Way::all(
            "payloads of odd lengths",
            V4,
            [0, 1, 3, 7, 999].map(|len| V4.out(ACK, &vec![1; len])).into(),
            Blocked,
        ),
        Way::all("padding", V4, [1, 2, 46, 1000].map(padded).into(), Blocked),
        Way::new("a length of zero", V4, length(0), Blocked),
        Way::all(
            "a length that is too long",
            V4,
            [whole + 1, u16::MAX].map(length).into(),
            Blocked,
        ),
        // Without ports there is no telling whose it is; no host takes it for a packet of the flow.
        Way::all(
            "a length that cuts the ports off",
            V4,
            [20, 23, 39].map(length).into(),
            unparsable(Reason::TruncatedPorts),
        ),
        Way::all(
            "a length below the header's",
            V4,
            [1, 19].map(length).into(),
            unparsable(Reason::LengthTooShort),
        ),
    ]);
}

#[test]
fn headers_that_lie_are_not_parsed() {
    let first = |byte| patched(V4.out(ACK, b"hello"), 14, &[byte]);
    try_all(&[
        Way::all(
            "a header below five words",
            V4,
            [0x40, 0x41, 0x44].map(first).into(),
            unparsable(Reason::BadHeaderLength),
        ),
        Way::all(
            "another version",
            V4,
            [0x05, 0x35, 0x55, 0x65, 0xf5].map(first).into(),
            unparsable(Reason::BadVersion),
        ),
        Way::new(
            "a header beyond the packet",
            V4,
            V4.ipv4(true, &[], 0, &[0; 12])[..46].to_vec(),
            unparsable(Reason::TruncatedPorts),
        ),
        Way::new(
            "a header longer than the packet",
            V4,
            patched(V4.ipv4(true, &[], 0, &[0; 12]), 14, &[0x4f]),
            unparsable(Reason::LengthTooShort),
        ),
        Way::new(
            "half a header",
            V4,
            V4.out(ACK, b"")[..30].to_vec(),
            unparsable(Reason::TruncatedIp),
        ),
        Way::new(
            "IPv4 that says it is IPv6",
            V4,
            patched(V4.out(ACK, &[0; 40]), 12, &[0x86, 0xdd]),
            unparsable(Reason::BadVersion),
        ),
    ]);
}
