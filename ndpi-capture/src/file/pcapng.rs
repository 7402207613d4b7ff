//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each with its length.

use pcap_parser::nom::IResult;
use pcap_parser::{
    BOM_MAGIC, EPB_MAGIC, EnhancedPacketBlock, IDB_MAGIC, PcapError, SHB_MAGIC, SPB_MAGIC,
    SimplePacketBlock, parse_enhancedpacketblock_be, parse_enhancedpacketblock_le,
    parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_sectionheaderblock, parse_simplepacketblock_be, parse_simplepacketblock_le,
};

use super::magic::begins_pcap;
use super::window::Window;
use super::{Found, LONGEST_RECORD, Next, Problem};

mod interface;

use interface::Interface;

/// The packet block that the enhanced one replaced: draft-ietf-opsawg-pcapng, appendix A.
const OBSOLETE_PB: u32 = 2;
/// Type and length before a block's content, the length again after it.
const BLOCK_HEADER: usize = 8;
const LENGTH_AGAIN: usize = 4;
const SMALLEST_BLOCK: usize = BLOCK_HEADER + LENGTH_AGAIN;
/// Where packet data begin in an enhanced and in an obsolete packet block.
const EPB_DATA: usize = 28;
/// Where they begin in a simple packet block.
const SPB_DATA: usize = 12;
/// Interfaces that a section may describe; more is an attack on memory.
const MOST_INTERFACES: usize = 1 << 16;

/// A pcapng file: the section being read.
#[derive(Default)]
pub(super) struct PcapNg {
    big_endian: bool,
    interfaces: Vec<Interface>,
    last_time_ns: u64,
}

impl PcapNg {
    #[inline]
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Next, Problem> {
        loop {
            let header = match BlockHeader::read(window, self.big_endian)? {
                Block::Header(header) => header,
                Block::AnotherCapture => return Ok(Next::Another),
                Block::End => return Ok(Next::End),
            };
            if let Some(found) = self.block(header, window)? {
                return Ok(Next::Packet(found));
            }
        }
    }

    #[inline]
    fn block(
        &mut self,
        header: BlockHeader,
        window: &mut Window,
    ) -> Result<Option<Found>, Problem> {
        match header.kind {
            EPB_MAGIC => self.enhanced_packet(header.content(window)?).map(Some),
            SPB_MAGIC => self.simple_packet(header.content(window)?).map(Some),
            OBSOLETE_PB => self.obsolete_packet(header.content(window)?).map(Some),
            IDB_MAGIC => self.describe_interface(header.content(window)?).map(|()| None),
            SHB_MAGIC => self.start_section(header.content(window)?).map(|()| None),
            _ => header.skip(window).map(|()| None),
        }
    }

    fn start_section(&mut self, block: &[u8]) -> Result<(), Problem> {
        let section = parsed(parse_sectionheaderblock(block), "section header")?;
        *self = Self { big_endian: section.big_endian(), ..Self::default() };
        Ok(())
    }

    fn describe_interface(&mut self, block: &[u8]) -> Result<(), Problem> {
        let description = if self.big_endian {
            parsed(parse_interfacedescriptionblock_be(block), "interface description")?
        } else {
            parsed(parse_interfacedescriptionblock_le(block), "interface description")?
        };
        if self.interfaces.len() == MOST_INTERFACES {
            return Err(Problem::Malformed("section: it describes more than 65536 interfaces"));
        }
        self.interfaces.push(Interface::new(&description, self.big_endian));
        Ok(())
    }

    #[inline]
    fn enhanced_packet(&mut self, block: &[u8]) -> Result<Found, Problem> {
        let packet: EnhancedPacketBlock<'_> = if self.big_endian {
            parsed(parse_enhancedpacketblock_be(block), "enhanced packet block")?
        } else {
            parsed(parse_enhancedpacketblock_le(block), "enhanced packet block")?
        };
        let interface = self.interface(packet.if_id)?;
        let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
        let (link_type, time_ns) = (interface.link_type, interface.time_ns(ticks));
        self.last_time_ns = time_ns;
        let (wire_len, len) = (packet.origlen, packet.caplen as usize);
        Ok(Found { time_ns, link_type, wire_len, start: EPB_DATA, len, missing: 0 })
    }

    /// An obsolete packet block has a 16-bit interface and drop count where the enhanced one has a
    /// 32-bit interface; all else is alike.
    fn obsolete_packet(&mut self, block: &[u8]) -> Result<Found, Problem> {
        let malformed = Problem::Malformed("packet block");
        let Some(fields) = block.get(BLOCK_HEADER..EPB_DATA) else { return Err(malformed) };
        let u16_at = |at| read_u16(&fields[at..], self.big_endian);
        let u32_at = |at| read_u32(&fields[at..], self.big_endian);
        let interface = self.interface(u16_at(0).into())?;
        let ticks = u64::from(u32_at(4)) << 32 | u64::from(u32_at(8));
        let (len, wire_len) = (u32_at(12) as usize, u32_at(16));
        if len > block.len().saturating_sub(EPB_DATA + LENGTH_AGAIN) {
            return Err(malformed);
        }
        let (link_type, time_ns) = (interface.link_type, interface.time_ns(ticks));
        self.last_time_ns = time_ns;
        Ok(Found { time_ns, link_type, wire_len, start: EPB_DATA, len, missing: 0 })
    }

    fn simple_packet(&mut self, block: &[u8]) -> Result<Found, Problem> {
        let packet: SimplePacketBlock<'_> = if self.big_endian {
            parsed(parse_simplepacketblock_be(block), "simple packet block")?
        } else {
            parsed(parse_simplepacketblock_le(block), "simple packet block")?
        };
        let interface = self.interface(0)?;
        let captured = interface.snaplen.min(packet.origlen) as usize;
        Ok(Found {
            time_ns: self.last_time_ns,
            link_type: interface.link_type,
            wire_len: packet.origlen,
            start: SPB_DATA,
            len: captured.min(packet.data.len()),
            missing: 0,
        })
    }

    #[inline]
    fn interface(&self, number: u32) -> Result<&Interface, Problem> {
        self.interfaces.get(number as usize).ok_or(Problem::UnknownInterface(number))
    }
}

/// What stands where a block should begin.
enum Block {
    Header(BlockHeader),
    /// A pcap file, put behind this one.
    AnotherCapture,
    End,
}

#[derive(Clone, Copy)]
struct BlockHeader {
    kind: u32,
    length: usize,
    big_endian: bool,
}

impl BlockHeader {
    /// The type and length of the next block, if there is one.
    #[inline]
    fn read(window: &mut Window, big_endian: bool) -> Result<Block, Problem> {
        let bytes = window.fill(SMALLEST_BLOCK)?;
        if bytes.len() < SMALLEST_BLOCK {
            let length = SMALLEST_BLOCK;
            let cut = Problem::Cut { what: "pcapng block", length, present: bytes.len() };
            let is_padding = bytes.iter().all(|&byte| byte == 0);
            return if is_padding { Ok(Block::End) } else { Err(cut) };
        }
        if bytes.first_chunk().copied().is_some_and(begins_pcap) {
            return Ok(Block::AnotherCapture);
        }
        // A section header reads the same in both orders and brings the order of what follows.
        let kind = read_u32(bytes, big_endian);
        let big_endian = match kind {
            SHB_MAGIC => read_u32(&bytes[BLOCK_HEADER..], true) == BOM_MAGIC,
            _ => big_endian,
        };
        let length = read_u32(&bytes[4..], big_endian) as usize;
        if kind == 0 && length == 0 {
            let ends = window.skip_zeros()?;
            return if ends {
                Ok(Block::End)
            } else {
                Err(Problem::Zeros { what: "pcapng block" })
            };
        }
        if length < SMALLEST_BLOCK {
            return Err(Problem::Malformed("block: its length is less than that of an empty one"));
        }
        Ok(Block::Header(Self { kind, length, big_endian }))
    }

    /// Takes the whole block.
    #[inline]
    fn content(self, window: &mut Window) -> Result<&[u8], Problem> {
        if self.length > LONGEST_RECORD {
            return Err(Problem::TooLong { what: "pcapng block", length: self.length as u64 });
        }
        let present = window.fill(self.length)?.len();
        if present < self.length {
            return Err(self.cut(present));
        }
        window.take(self.length);
        let block = window.taken();
        if read_u32(&block[self.length - LENGTH_AGAIN..], self.big_endian) as usize != self.length {
            return Err(Problem::Malformed("block: the lengths at its ends differ"));
        }
        Ok(block)
    }

    fn skip(self, window: &mut Window) -> Result<(), Problem> {
        let present = window.skip(self.length)?;
        if present < self.length { Err(self.cut(present)) } else { Ok(()) }
    }

    fn cut(self, present: usize) -> Problem {
        Problem::Cut { what: "pcapng block", length: self.length, present }
    }
}

#[inline]
fn parsed<'a, T>(
    result: IResult<&'a [u8], T, PcapError<&'a [u8]>>,
    what: &'static str,
) -> Result<T, Problem> {
    match result {
        Ok((_, value)) => Ok(value),
        Err(_) => Err(Problem::Malformed(what)),
    }
}

/// The 16 bits that `bytes` begins with.
fn read_u16(bytes: &[u8], big_endian: bool) -> u16 {
    let bytes = [bytes[0], bytes[1]];
    if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}

/// The 32 bits that `bytes` begins with.
#[inline]
fn read_u32(bytes: &[u8], big_endian: bool) -> u32 {
    let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}
