//! IPv6 extension headers.

use ndpi_common::{Reason, Switches};
use testkit::frame::{ACK, TCP, V6};

use super::{ANOTHER_FLOW, Blocked, Depends, Way, try_all, unparsable};
use crate::forms::patched;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// The flow's packet behind these extension headers, each with so many bytes.
fn chain(headers: &[(u8, usize)]) -> Vec<u8> {
    let mut rest = V6.transport(true, ACK, b"hello");
    let mut next = TCP;
    for &(kind, len) in headers.iter().rev() {
        let mut header = vec![0; len];
        header[0] = next;
        header[1] = u8::try_from(match kind {
            FRAGMENT => 0,
            AUTHENTICATION => len / 4 - 2,
            _ => len / 8 - 1,
        })
        .unwrap();
        rest = [header, rest].concat();
        next = kind;
    }
    V6.ipv6(true, next, &rest)
}

#[test]
fn chains_within_the_bound_do_not_hide_a_flow() {
    let same = |kind, count| chain(&vec![(kind, 8); count]);
    try_all(&[
        Way::new("no chain", V6, chain(&[]), Blocked),
        Way::all(
            "hop-by-hop options",
            V6,
            [8, 16, 2048].map(|len| chain(&[(HOP_BY_HOP, len)])).into(),
            Blocked,
        ),
        Way::all(
            "destination options",
            V6,
            (1..=8).map(|count| same(DESTINATION, count)).collect(),
            Blocked,
        ),
        Way::all(
            "routing headers",
            V6,
            [8, 24, 40].map(|len| chain(&[(ROUTING, len)])).into(),
            Blocked,
        ),
        Way::all(
            "authentication headers",
            V6,
            [12, 16, 24, 100].map(|len| chain(&[(AUTHENTICATION, len)])).into(),
            Blocked,
        ),
        Way::all(
            "atomic fragments",
            V6,
            (1..=8).map(|count| same(FRAGMENT, count)).collect(),
            Blocked,
        ),
        Way::new(
            "one of each, as RFC 8200 orders them",
            V6,
            chain(&[
                (HOP_BY_HOP, 8),
                (DESTINATION, 16),
                (ROUTING, 24),
                (FRAGMENT, 8),
                (AUTHENTICATION, 24),
                (DESTINATION, 8),
            ]),
            Blocked,
        ),
        Way::new(
            "in the wrong order",
            V6,
            chain(&[
                (DESTINATION, 8),
                (FRAGMENT, 8),
                (HOP_BY_HOP, 8),
                (ROUTING, 8),
                (HOP_BY_HOP, 8),
            ]),
            Blocked,
        ),
        Way::new(
            "eight of several kinds",
            V6,
            chain(&[
                (DESTINATION, 264),
                (ROUTING, 8),
                (HOP_BY_HOP, 8),
                (AUTHENTICATION, 24),
                (DESTINATION, 8),
                (DESTINATION, 8),
                (FRAGMENT, 8),
                (ROUTING, 8),
            ]),
            Blocked,
        ),
    ]);
}

#[test]
fn chains_beyond_the_bound_are_the_policys() {
    let beyond = Depends(Reason::TooManyExtensions, Switches::DROP_LONG_CHAINS);
    try_all(&[
        Way::all(
            "too many headers",
            V6,
            [9, 10, 60].map(|count| chain(&vec![(DESTINATION, 8); count])).into(),
            beyond,
        ),
        Way::new("too many atomic fragments", V6, chain(&[(FRAGMENT, 8); 9]), beyond),
    ]);
}

#[test]
fn chains_that_lie_are_not_parsed() {
    let cut = |len| patched(chain(&[(DESTINATION, 8)]), 55, &[len]);
    let short = |len: u8| patched(chain(&[(DESTINATION, 8)]), 18, &[0, len]);
    try_all(&[
        Way::all(
            "a header beyond the packet",
            V6,
            [5, 100, 255].map(cut).into(),
            unparsable(Reason::TruncatedExtension),
        ),
        Way::all(
            "a length that cuts a header",
            V6,
            [1, 7].map(short).into(),
            unparsable(Reason::TruncatedExtension),
        ),
        Way::all(
            "a length that cuts the ports off",
            V6,
            [8, 11, 27].map(short).into(),
            unparsable(Reason::TruncatedPorts),
        ),
        Way::new("a length of zero", V6, short(0), Blocked),
        Way::new("a length that is too long", V6, short(200), Blocked),
    ]);
}

#[test]
fn headers_behind_which_nobody_looks_are_another_flow() {
    let behind = |next: u8| V6.ipv6(true, next, &V6.transport(true, ACK, b"hello"));
    try_all(&[
        Way::new("no next header", V6, behind(59), ANOTHER_FLOW),
        Way::new("encrypted", V6, behind(50), ANOTHER_FLOW),
        Way::new("mobility", V6, behind(135), ANOTHER_FLOW),
        Way::new("a number that nobody has", V6, behind(253), ANOTHER_FLOW),
    ]);
}

#[test]
fn fields_that_the_flow_does_not_depend_on_do_not_hide_it() {
    let plain = || V6.out(ACK, b"hello");
    try_all(&[
        Way::new(
            "a flow label and a class",
            V6,
            patched(plain(), 14, &[0x6f, 0xff, 0xff, 0xff]),
            Blocked,
        ),
        Way::new("no hops left", V6, patched(plain(), 21, &[0]), Blocked),
        Way::new("padding", V6, [plain(), vec![0; 30]].concat(), Blocked),
        Way::new(
            "another version",
            V6,
            patched(plain(), 14, &[0x40]),
            unparsable(Reason::BadVersion),
        ),
    ]);
}
