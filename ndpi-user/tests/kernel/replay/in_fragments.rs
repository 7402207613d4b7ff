//! The corpus with its datagrams cut in two, as a path with a small MTU does it, or somebody who hides: flows are what
//! they were.

use std::fs;
use std::path::Path;

use ndpi_capture::Capture;
use ndpi_capture::link::{self, Tunnels};
use ndpi_common::parse::proto;
use testkit::checksum::checksum;
use testkit::flow_records::FlowRecords;
use testkit::packets::capture;
use testkit::program::subcommand;
use testkit::reference::{self, Reference};

use crate::replay::setup::can_replay;

/// Bytes behind the IP header that a datagram has at least to be cut: a later fragment follows the whole TCP header.
const LEAST: usize = 72;
/// And at most: what is put together again.
const MOST: usize = 4096;

/// The fields that must agree, each on this many of a thousand flows. What differs in the corpus: first fragments in the
/// captures themselves, of which the rest never comes (42 flows of DNS, which the reference takes for nothing); and ICMP
/// errors, which the kernel counts to the flow that they quote.
const FIELDS: [&str; 3] = ["app", "category", "hostname"];
const MUST_AGREE: usize = 990;

/// Where the Fragment header of IPv6 is named (RFC 8200, section 4.5).
const FRAGMENT: u8 = 44;
const V4: usize = 20;
const V6: usize = 40;

#[test]
fn what_comes_in_fragments_is_classified_as_what_was_sent() {
    let Some(folder) = reference::folder() else { return };
    if !can_replay() {
        return;
    }
    let (cut, captures) = (tempfile::tempdir().expect("a folder"), reference::read(&folder));
    let (mut paths, mut datagrams) = (Vec::new(), 0);
    for name in captures.keys() {
        let path = cut.path().join(name);
        datagrams += write(&folder.join("captures").join(name), &path);
        paths.push(path.display().to_string());
    }
    assert!(datagrams > 10_000, "{datagrams} datagrams were cut");
    let arguments = ["--json", "--whole-capture", "--max-flows", "8192"].into_iter();
    let arguments: Vec<_> = arguments.chain(paths.iter().map(String::as_str)).collect();
    let run = subcommand("replay", &arguments, &[]);
    let mut ours = FlowRecords::of(&run.stdout);
    let (mut flows, mut agree) = (0, [0; FIELDS.len()]);
    for flow in captures.values().flat_map(Reference::values) {
        flows += 1;
        let found = ours.take_nearest(&flow, &FIELDS);
        let equal = FIELDS.map(|field| found.as_ref().is_some_and(|it| it[field] == flow[field]));
        if equal.contains(&false) {
            eprintln!("{equal:?}\n  want {flow}\n  have {found:?}");
        }
        for (count, equal) in agree.iter_mut().zip(equal) {
            *count += usize::from(equal);
        }
    }
    eprintln!("of {flows} flows agree: {FIELDS:?} {agree:?}");
    assert!(agree.iter().all(|equal| equal * 1000 >= flows * MUST_AGREE), "see above");
}

/// Writes a capture of the IP packets in another one, its TCP and UDP datagrams in two fragments where they are long
/// enough; returns how many were cut.
fn write(from: &Path, to: &Path) -> usize {
    let mut read = Capture::open(from).expect("a capture of the corpus");
    let (mut packets, mut cut) = (Vec::new(), 0);
    while let Ok(Some(packet)) = read.next_packet() {
        let Ok(decoded) = link::decode(&packet, &Tunnels::all(false)) else { continue };
        let seconds = u32::try_from(packet.time_ns / 1_000_000_000).unwrap_or(0);
        let parts = fragments(decoded.l3(), u32::try_from(packets.len()).unwrap_or(0));
        cut += usize::from(parts.is_some());
        let parts = parts.unwrap_or_else(|| vec![decoded.l3().to_vec()]);
        packets.extend(parts.into_iter().map(|part| (seconds, part)));
    }
    fs::write(to, capture(&packets)).expect("a file in a folder of ours");
    cut
}

/// The two fragments of a packet, with this identification; `None` where it is left as it is.
fn fragments(l3: &[u8], identification: u32) -> Option<Vec<Vec<u8>>> {
    let carried = |protocol: u8| matches!(protocol, proto::TCP | proto::UDP);
    let head = match l3.first()? {
        0x45 if carried(l3[9]) && l3[6] & 0x3f | l3[7] == 0 => V4,
        first if first >> 4 == 6 && l3.len() > V6 && carried(l3[6]) => V6,
        _ => return None,
    };
    let length = usize::from(match head {
        V4 => u16::from_be_bytes([l3[2], l3[3]]),
        _ => u16::from_be_bytes([l3[4], l3[5]]).checked_add(40)?,
    });
    // Not one that the capture has cut, or of which the length is offloaded.
    let payload = l3.get(head..length).filter(|it| (LEAST..=MOST).contains(&it.len()))?;
    let half = (payload.len() / 2).next_multiple_of(8);
    let part = |at: usize, more: bool, bytes: &[u8]| {
        let header = &l3[..head];
        if head == V4 {
            v4(header, identification, (at, more), bytes)
        } else {
            v6(header, identification, (at, more), bytes)
        }
    };
    Some(vec![part(0, true, &payload[..half]), part(half, false, &payload[half..])])
}

/// RFC 791, section 3.1.
fn v4(header: &[u8], identification: u32, (at, more): (usize, bool), bytes: &[u8]) -> Vec<u8> {
    let mut packet = [header, bytes].concat();
    let total = u16::try_from(packet.len()).expect("shorter than it was");
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    let [_, _, identification @ ..] = identification.to_be_bytes();
    packet[4..6].copy_from_slice(&identification);
    packet[6..8].copy_from_slice(&(place(at) >> 3 | u16::from(more) << 13).to_be_bytes());
    packet[10..12].fill(0);
    let sum = checksum(&packet[..V4]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// RFC 8200, section 4.5.
fn v6(header: &[u8], identification: u32, (at, more): (usize, bool), bytes: &[u8]) -> Vec<u8> {
    let mut fragment = vec![header[6], 0];
    fragment.extend((place(at) | u16::from(more)).to_be_bytes());
    fragment.extend(identification.to_be_bytes());
    let mut packet = [header, &fragment, bytes].concat();
    let length = place(packet.len() - V6);
    packet[4..6].copy_from_slice(&length.to_be_bytes());
    packet[6] = FRAGMENT;
    packet
}

fn place(at: usize) -> u16 {
    u16::try_from(at).expect("within a datagram")
}
