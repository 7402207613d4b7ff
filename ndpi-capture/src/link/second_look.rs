//! A second look at what the programs' parser refuses: IP in 802.3 frames, and what may have carried a
//! flow that is not seen.

use ndpi_common::parse::{self, Captured, Link, MAX_TAGS, Options, Refusal, Source as _, Tags};
use ndpi_common::parse::{ETHERNET_LEN, ethertype};

use super::Skip;
use super::inner::Inner;
use super::types::Under;

/// EtherTypes without flows: ARP, Wake-on-LAN, MRP and SRP, RARP, `AppleTalk`, IPX, flow control, slow
/// protocols, PPPoE discovery, `HomePlug`, EAPOL, Realtek's loop detection, 802.11's pre-authentication,
/// LLDP, LLTD, MRP's other two, PTP, CFM, 1905, loopback.
const WITHOUT_FLOWS: [u16; 24] = [
    0x0806, 0x0842, 0x22ea, 0x8035, 0x809b, 0x80f3, 0x8137, 0x8138, 0x8808, 0x8809, 0x8863, 0x887b,
    0x888e, 0x8899, 0x88c7, 0x88cc, 0x88d9, 0x88e1, 0x88f5, 0x88f6, 0x88f7, 0x8902, 0x893a, 0x9000,
];
/// Service access points without flows: null, management, STP, IPX, IS-IS, `NetBIOS`, SNAP of others.
const SAPS_WITHOUT_FLOWS: [u8; 11] =
    [0x00, 0x02, 0x04, 0x06, 0x42, 0xaa, 0xbc, 0xe0, 0xf0, 0xfe, 0xff];
/// Protocols of PPP without flows: OSI, `AppleTalk`, IPX, and bridges' and Cisco's.
const PPP_WITHOUT_FLOWS: [u16; 6] = [0x23, 0x29, 0x2b, 0x0201, 0x0203, 0x0207];
/// An 802.3 frame longer than lengths go (draft-ietf-isis-ext-eth).
const LONG_LLC: u16 = 0x8870;
/// Linux's number for LLC in a cooked header.
const COOKED_LLC: u16 = 4;

/// The packet in an 802.3 frame (RFC 1042), where there is one.
///
/// # Errors
/// Why the packet under `under`, which was refused, belongs to no flow.
#[cold]
pub(super) fn second_look(
    source: &Captured<'_>,
    under: Under,
    refusal: Refusal,
) -> Result<parse::Packet, Skip> {
    let refused = Skip::Refused(refusal);
    if !matches!(refusal, Refusal::NotIp | Refusal::Llc) {
        return Err(refused);
    }
    let Some(link) = behind_tags(source, under) else { return Err(refused) };
    match link.ethertype {
        LONG_LLC | COOKED_LLC => llc(source, link),
        ethertype::PPPOE_SESSION => Err(pppoe(source, link)),
        low if low >= ethertype::LOWEST => Err(of_ethertype(low)),
        length if fits(source, link.at, length) => llc(source, link),
        low => Err(Skip::Inner(Inner::Low(low))),
    }
}

/// What is behind the VLAN tags.
fn behind_tags(source: &Captured<'_>, under: Under) -> Option<Link> {
    let (mut ethertype, mut at) = match under {
        Under::Ip => return None,
        Under::EtherType(ethertype) => (ethertype, 0),
        Under::Ethernet => (u16::from_be_bytes(source.load(ETHERNET_LEN - 2)?), ETHERNET_LEN),
    };
    let mut tags = Tags::default();
    while let ethertype::VLAN | ethertype::SERVICE_VLAN | ethertype::OLD_QINQ = ethertype {
        if tags.count >= MAX_TAGS {
            return None;
        }
        let [a, b, c, d] = source.load(at)?;
        tags.ids[usize::from(tags.count)] = u16::from_be_bytes([a, b]) & 0xfff;
        tags.count += 1;
        (ethertype, at) = (u16::from_be_bytes([c, d]), at + 4);
    }
    Some(Link { tags, ..Link::bare(ethertype, at) })
}

/// Whether a frame can have so many bytes behind its header.
fn fits(source: &Captured<'_>, at: u32, length: u16) -> bool {
    const LLC_LEN: u16 = 3;
    length >= LLC_LEN && at.saturating_add(length.into()) <= source.wire_len
}

/// The packet behind an LLC header, which is where the length leads.
fn llc(source: &Captured<'_>, link: Link) -> Result<parse::Packet, Skip> {
    const IP: [u8; 3] = [0x06, 0x06, 0x03];
    const SNAP: [u8; 3] = [0xaa, 0xaa, 0x03];
    let at = link.at;
    let Some(header) = source.load::<3>(at) else { return Err(Skip::LINK_HEADER) };
    let (ethertype, at) = match (header, source.load::<5>(at + 3)) {
        (IP, _) => (ethertype::IPV4, at + 3),
        // Ethernet's own numbers, and 802.1H's for what must be bridged as it was.
        (SNAP, Some([0, 0, 0 | 0xf8, a, b])) => (u16::from_be_bytes([a, b]), at + 8),
        ([sap, ..], _) if SAPS_WITHOUT_FLOWS.contains(&(sap & 0xfe)) || sap == 0xff => {
            return Err(Skip::Refused(Refusal::Llc));
        }
        ([sap, ..], _) => return Err(Skip::Inner(Inner::Llc(sap))),
    };
    let link = Link { ethertype, at, ..link };
    parse::from_ethertype(source, link, Options::LENIENT).map_err(|refusal| match refusal {
        Refusal::NotIp if ethertype >= ethertype::LOWEST => of_ethertype(ethertype),
        refusal => Skip::Refused(refusal),
    })
}

fn pppoe(source: &Captured<'_>, link: Link) -> Skip {
    const HEADER: u32 = 6;
    let protocol = source.load(link.at.saturating_add(HEADER));
    protocol.map_or(Skip::LINK_HEADER, |protocol| of_ppp(u16::from_be_bytes(protocol)))
}

fn of_ethertype(number: u16) -> Skip {
    if WITHOUT_FLOWS.contains(&number) {
        Skip::NOT_IP
    } else {
        Skip::Inner(Inner::EtherType(number))
    }
}

/// What a protocol of PPP that is not read is: those from 0x4000 on control the link (RFC 1661, section
/// 2).
pub(super) fn of_ppp(protocol: u16) -> Skip {
    const LOWEST_OF_CONTROL: u16 = 0x4000;
    if protocol >= LOWEST_OF_CONTROL || PPP_WITHOUT_FLOWS.contains(&protocol) {
        Skip::NOT_IP
    } else {
        Skip::Inner(Inner::Ppp(protocol))
    }
}
