//! Tags, labels and sessions between Ethernet and IP.

use ndpi_common::Reason;
use testkit::frame::{ACK, V4, V6};

use super::{ANOTHER_FLOW, Blocked, Passes, Way, try_all, unparsable};

/// The plain frame with `bytes` between its addresses and its EtherType.
fn with(bytes: &[u8]) -> Vec<u8> {
    let mut frame = V4.out(ACK, b"hello");
    frame.splice(12..12, bytes.iter().copied());
    frame
}

/// The plain frame with `bytes` in place of its EtherType.
fn behind(bytes: &[u8]) -> Vec<u8> {
    let mut frame = V4.out(ACK, b"hello");
    frame.splice(12..14, bytes.iter().copied());
    frame
}

fn tags(tags: &[(u16, u16)]) -> Vec<u8> {
    let tag = |&(kind, tci): &(u16, u16)| [kind.to_be_bytes(), tci.to_be_bytes()].concat();
    with(&tags.iter().flat_map(tag).collect::<Vec<_>>())
}

const Q: u16 = 0x8100;
const AD: u16 = 0x88a8;
const OLD: u16 = 0x9100;

#[test]
fn tags_do_not_hide_a_flow() {
    let three = V4.in_vlan(3);
    try_all(&[
        Way::new("no tag", V4, with(&[]), Blocked),
        Way::new("its tag", three, tags(&[(Q, 3)]), Blocked),
        Way::new("a priority in the tag", three, tags(&[(Q, 0xe003)]), Blocked),
        Way::new("drop-eligible", three, tags(&[(Q, 0x1003)]), Blocked),
        Way::new("a service tag", three, tags(&[(AD, 3)]), Blocked),
        Way::new("an old service tag", three, tags(&[(OLD, 3)]), Blocked),
        Way::new("a tag around it", three, tags(&[(Q, 9), (Q, 3)]), Blocked),
        Way::new("a service tag around it", three, tags(&[(AD, 9), (Q, 3)]), Blocked),
        Way::new("two around it", three, tags(&[(AD, 9), (OLD, 8), (Q, 3)]), Blocked),
        Way::new("three around it", three, tags(&[(AD, 9), (Q, 8), (Q, 7), (Q, 3)]), Blocked),
        Way::new("the same tag four times", three, tags(&[(Q, 3); 4]), Blocked),
        // A tag that only has a priority is no VLAN: receivers take it off.
        Way::new("only a priority", V4, tags(&[(Q, 0xe000)]), Blocked),
        Way::new("two priorities", V4, tags(&[(Q, 0xe000), (Q, 0)]), Blocked),
        Way::new("a priority within", three, tags(&[(Q, 3), (Q, 0xe000)]), Blocked),
        Way::new("a priority around", three, tags(&[(Q, 0), (Q, 3)]), Blocked),
        // The VLAN is part of the flow, as it tells two networks with the same addresses apart.
        Way::new("another VLAN", three, tags(&[(Q, 4)]), ANOTHER_FLOW),
        Way::new("another VLAN within", three, tags(&[(Q, 3), (Q, 4)]), ANOTHER_FLOW),
        Way::new("its VLAN, but it has none", V4, tags(&[(Q, 3)]), ANOTHER_FLOW),
        Way::new("five tags", three, tags(&[(Q, 3); 5]), unparsable(Reason::TooManyTags)),
        Way::new("five priorities", V4, tags(&[(Q, 0); 5]), unparsable(Reason::TooManyTags)),
        Way::new(
            "nothing behind a tag",
            three,
            with(&[0x81, 0])[..14].to_vec(),
            unparsable(Reason::TruncatedLink),
        ),
    ]);
}

#[test]
fn labels_and_sessions_do_not_hide_a_flow() {
    let labels = |count: u8| {
        let label = |at| [0, 1, u8::from(at == count), 64];
        [vec![0x88, 0x47], (1..=count).flat_map(label).collect()].concat()
    };
    let session = |protocol: u8, rest: &[u8]| {
        let header = [0x88, 0x64, 0x11, 0, 0, 9, 0, 47, 0, protocol];
        [&[2; 12], &header[..], rest].concat()
    };
    let (v4, v6) = (V4.out(ACK, b"hello"), V6.out(ACK, b"hello"));
    let in_vlan = |frame: Vec<u8>| [&frame[..12], &[0x81, 0, 0, 3], &frame[12..]].concat();
    let snap = [&[0, 53, 0xaa, 0xaa, 3, 0, 0, 0][..], &v4[12..]].concat();
    try_all(&[
        Way::new("a label", V4, behind(&labels(1)), Blocked),
        Way::new("eight labels", V4, behind(&labels(8)), Blocked),
        Way::new("nine labels", V4, behind(&labels(9)), unparsable(Reason::TooManyTags)),
        Way::new(
            "labels for many",
            V4,
            behind(&[&[0x88, 0x48][..], &labels(2)[2..]].concat()),
            Blocked,
        ),
        Way::new("labels in a VLAN", V4.in_vlan(3), in_vlan(behind(&labels(2))), Blocked),
        Way::new("PPPoE", V4, session(0x21, &v4[14..]), Blocked),
        Way::new("IPv6 in PPPoE", V6, session(0x57, &v6[14..]), Blocked),
        Way::new("PPPoE in a VLAN", V4.in_vlan(3), in_vlan(session(0x21, &v4[14..])), Blocked),
        Way::new("another protocol in PPPoE", V4, session(0x3d, &v4[14..]), Passes(Reason::NotIp)),
        // No IP stack takes IP in an 802.3 frame with a SNAP header off Ethernet.
        Way::new("802.3 with SNAP", V4, [&v4[..12], &snap[..]].concat(), Passes(Reason::Llc)),
        Way::new("no EtherType", V4, behind(&[0xff, 0xff]), Passes(Reason::NotIp)),
    ]);
}
