//! Network interfaces and the XDP programs on them.

use std::io;

use super::message::{
    DO, DUMP, Request, attribute, attributes, find, long, read_cstr, read_u16, read_u32,
};

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const SET_LINK: u16 = 19;
/// The fixed part of a link message (`struct ifinfomsg`).
const FIXED: usize = 16;
const NAME: u16 = 3;
const LINK: u16 = 5;
const MASTER: u16 = 10;
const LINK_INFO: u16 = 18;
const INFO_KIND: u16 = 1;
/// `IFLA_STATS64`: `struct rtnl_link_stats64`, packets received and sent first.
const STATISTICS: u16 = 23;
const LINK_NAMESPACE: u16 = 37;
const PROPERTIES: u16 = 52;
const ALTERNATIVE_NAME: u16 = 53;
const XDP: u16 = 43;
const XDP_FD: u16 = 1;
const XDP_ATTACHED: u16 = 2;
const XDP_FLAGS: u16 = 3;
const XDP_PROGRAM: u16 = 4;
/// Programs by place, where an interface has several.
const XDP_PROGRAMS: [(u16, XdpPlace); 3] =
    [(5, XdpPlace::Native), (6, XdpPlace::Generic), (7, XdpPlace::Hardware)];
/// `IFF_UP`.
const UP: u32 = 1;
/// `IFF_LOOPBACK`.
const LOOPBACK: u32 = 8;
/// `IFF_POINTOPOINT`.
const POINT_TO_POINT: u32 = 0x10;

/// A network interface of this process's network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number in its namespace (`if_nametoindex(3)`).
    pub index: u32,
    /// Its name now: it may be given another.
    pub name: String,
    /// Other names it goes by.
    pub alternatives: Vec<String>,
    /// `IFF_UP`: it is set up to send and receive.
    pub up: bool,
    /// `IFF_LOOPBACK`.
    pub loopback: bool,
    /// It has one other end (`IFF_POINTOPOINT`).
    pub point_to_point: bool,
    /// What packets begin with on it, as `ARPHRD_…` in `linux/if_arp.h`.
    pub hardware: u16,
    /// Its kind, as `ip link add type` has it; none for hardware.
    pub kind: Option<String>,
    /// The bridge, bond or the like that it is a port of.
    pub master: Option<u32>,
    /// What it is made on (VLAN, macvlan) or joined with (veth).
    pub link: Option<Linked>,
    /// Packets that have left through it.
    pub sent: u64,
    /// The XDP programs on it.
    pub xdp: Vec<XdpAttached>,
}

/// An interface that another one is made on or joined with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// In this network namespace, with this index.
    Here(u32),
    /// In another one.
    Elsewhere,
}

/// A program on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XdpAttached {
    /// The program's id, as `bpftool prog show id` takes it.
    pub program: u32,
    /// Where it runs.
    pub place: XdpPlace,
}

/// Where an XDP program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpPlace {
    /// In the driver, before there is a socket buffer (`XDP_FLAGS_DRV_MODE`).
    Native,
    /// In the stack, on a socket buffer (`XDP_FLAGS_SKB_MODE`).
    Generic,
    /// On the card (`XDP_FLAGS_HW_MODE`).
    Hardware,
}

impl XdpPlace {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Hardware => "hardware",
        }
    }

    /// `XDP_FLAGS_DRV_MODE` and the like.
    fn flag(self) -> u32 {
        match self {
            Self::Generic => 1 << 1,
            Self::Native => 1 << 2,
            Self::Hardware => 1 << 3,
        }
    }
}

impl Interface {
    /// An Ethernet interface that is up, and nothing else is known of it.
    pub fn named(name: &str) -> Self {
        Self {
            index: 1,
            name: name.into(),
            alternatives: Vec::new(),
            up: true,
            loopback: false,
            point_to_point: false,
            hardware: libc::ARPHRD_ETHER,
            kind: None,
            master: None,
            link: None,
            sent: 0,
            xdp: Vec::new(),
        }
    }
}

/// All interfaces of this process's network namespace.
///
/// # Errors
///
/// If the kernel does not answer (rtnetlink(7)).
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let answers = Request::new(GET_LINK, DUMP, &[0; FIXED]).exchange()?;
    Ok(answers.iter().filter(|(kind, _)| *kind == NEW_LINK).filter_map(|(_, m)| parse(m)).collect())
}

/// Takes the program off that was put there without a link.
pub(crate) fn detach_xdp(index: u32, place: XdpPlace) -> io::Result<()> {
    let mut fixed = [0; FIXED];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    let nothing = attribute(XDP_FD, &(-1i32).to_ne_bytes());
    let flags = attribute(XDP_FLAGS, &place.flag().to_ne_bytes());
    // `NLA_F_NESTED`, which newer kernels insist on.
    let request = Request::new(SET_LINK, DO, &fixed).with(XDP | 0x8000, &[nothing, flags].concat());
    request.exchange().map(drop)
}

fn parse(message: &[u8]) -> Option<Interface> {
    let (fixed, rest) = message.split_at_checked(FIXED)?;
    let alternatives = find(rest, PROPERTIES).unwrap_or(&[]);
    let alternatives = attributes(alternatives).filter(|(kind, _)| *kind == ALTERNATIVE_NAME);
    let flags = read_u32(&fixed[8..])?;
    Some(Interface {
        index: read_u32(&fixed[4..])?,
        name: read_cstr(find(rest, NAME)?),
        alternatives: alternatives.map(|(_, name)| read_cstr(name)).collect(),
        up: flags & UP != 0,
        loopback: flags & LOOPBACK != 0,
        point_to_point: flags & POINT_TO_POINT != 0,
        hardware: read_u16(&fixed[2..])?,
        kind: find(rest, LINK_INFO).and_then(|info| find(info, INFO_KIND)).map(read_cstr),
        master: find(rest, MASTER).and_then(read_u32),
        link: linked(rest),
        sent: find(rest, STATISTICS).and_then(|it| long(it.get(8..)?)).unwrap_or(0),
        xdp: find(rest, XDP).map(xdp).unwrap_or_default(),
    })
}

fn linked(attributes: &[u8]) -> Option<Linked> {
    let index = find(attributes, LINK).and_then(read_u32)?;
    match find(attributes, LINK_NAMESPACE) {
        Some(_) => Some(Linked::Elsewhere),
        // 0: not known here, as of a tunnel that is bound to no interface.
        None => (index != 0).then_some(Linked::Here(index)),
    }
}

fn xdp(attributes: &[u8]) -> Vec<XdpAttached> {
    let by_place = XDP_PROGRAMS.iter().filter_map(|&(kind, place)| {
        Some(XdpAttached { program: find(attributes, kind).and_then(read_u32)?, place })
    });
    let mut programs: Vec<_> = by_place.collect();
    // Kernels before 4.19 name a single program.
    if let (true, Some(program)) =
        (programs.is_empty(), find(attributes, XDP_PROGRAM).and_then(read_u32))
    {
        let place = match find(attributes, XDP_ATTACHED).and_then(<[u8]>::first) {
            Some(1) => XdpPlace::Native,
            Some(3) => XdpPlace::Hardware,
            _ => XdpPlace::Generic,
        };
        programs.push(XdpAttached { program, place });
    }
    programs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        bytes[2..4].copy_from_slice(&libc::ARPHRD_ETHER.to_ne_bytes());
        bytes[4..8].copy_from_slice(&7u32.to_ne_bytes());
        bytes[8..12].copy_from_slice(&(UP | 0x1000).to_ne_bytes());
        bytes.extend(attributes.concat());
        bytes
    }

    #[test]
    fn an_interface_is_read() {
        let names = attribute(ALTERNATIVE_NAME, b"enp3s0np0\0");
        let programs = [attribute(XDP_ATTACHED, &[2]), attribute(6, &42u32.to_ne_bytes())].concat();
        let interface = parse(&message(&[
            attribute(NAME, b"eth0\0"),
            attribute(LINK, &6u32.to_ne_bytes()),
            attribute(MASTER, &3u32.to_ne_bytes()),
            attribute(LINK_INFO, &attribute(INFO_KIND, b"veth\0")),
            attribute(PROPERTIES | 0x8000, &names),
            attribute(XDP, &programs),
        ]));
        let expected = Interface {
            index: 7,
            name: "eth0".into(),
            alternatives: vec!["enp3s0np0".into()],
            up: true,
            loopback: false,
            point_to_point: false,
            hardware: libc::ARPHRD_ETHER,
            kind: Some("veth".into()),
            master: Some(3),
            link: Some(Linked::Here(6)),
            sent: 0,
            xdp: vec![XdpAttached { program: 42, place: XdpPlace::Generic }],
        };
        assert_eq!(interface, Some(expected));
    }

    #[test]
    fn what_an_interface_is_joined_with_may_be_elsewhere() {
        let namespace = attribute(LINK_NAMESPACE, &0u32.to_ne_bytes());
        let link = |index: u32| attribute(LINK, &index.to_ne_bytes());
        assert_eq!(linked(&[link(6), namespace].concat()), Some(Linked::Elsewhere));
        assert_eq!((linked(&link(6)), linked(&link(0))), (Some(Linked::Here(6)), None));
    }

    #[test]
    fn nothing_attached_is_nothing() {
        let bytes = message(&[attribute(NAME, b"lo\0"), attribute(XDP, &attribute(2, &[0]))]);
        assert!(parse(&bytes).unwrap().xdp.is_empty());
        assert_eq!(parse(&bytes[..12]), None);
    }

    #[test]
    fn every_machine_has_a_loopback() {
        let interfaces = interfaces().unwrap();
        let loopback = interfaces.iter().find(|interface| interface.name == "lo").unwrap();
        assert!(loopback.loopback && loopback.kind.is_none());
    }
}
