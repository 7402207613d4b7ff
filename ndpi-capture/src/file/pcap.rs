//! The pcap format (draft-ietf-opsawg-pcap): a header, then records of a time and a packet.

use pcap_parser::{PcapHeader, parse_pcap_header};

use super::foreign::Foreign;
use super::magic::{begins_pcap, begins_section};
use super::window::Window;
use super::{Found, LONGEST_RECORD, LinkType, Next, Problem};

const HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// Zeros behind which no packet is looked for: a file that was made long beforehand ends with some.
const PADDING: usize = 4096;
/// Kuznetzov's variant (magic 0xa1b2cd34) has an interface, a protocol and a packet type besides.
const RECORD_HEADER_MODIFIED: usize = 24;

/// A pcap file after its header.
pub(super) struct Pcap {
    link_type: LinkType,
    big_endian: bool,
    /// Nanoseconds in a unit of the record's fraction of a second.
    fraction_ns: u64,
    record_header: usize,
}

impl Pcap {
    /// Takes the file's header.
    pub(super) fn start(window: &mut Window) -> Result<Self, Problem> {
        let bytes = window.fill(HEADER)?;
        let header = match parse_pcap_header(bytes) {
            Ok((_, header)) => header,
            Err(pcap_parser::nom::Err::Incomplete(_)) => {
                return Err(Problem::Cut {
                    what: "pcap header",
                    length: HEADER,
                    present: bytes.len(),
                });
            }
            Err(_) => {
                let magic = *bytes.first_chunk().expect("magic seen");
                let foreign = Foreign::recognise(window)?;
                return Err(foreign.map_or(Problem::NotACapture(magic), Problem::Foreign));
            }
        };
        window.take(HEADER);
        Ok(Self::after(&header))
    }

    fn after(header: &PcapHeader) -> Self {
        Self {
            link_type: link_type(header.network.0),
            big_endian: header.is_bigendian(),
            fraction_ns: if header.is_nanosecond_precision() { 1 } else { 1000 },
            record_header: if header.is_modified_format() {
                RECORD_HEADER_MODIFIED
            } else {
                RECORD_HEADER
            },
        }
    }

    #[inline]
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Next, Problem> {
        let bytes = window.fill(self.record_header)?;
        let there = bytes.len();
        let Some(&header) = bytes.first_chunk() else {
            return end(there, self.record_header);
        };
        if begins_another(&header) {
            return Ok(Next::Another);
        }
        let [seconds, fraction, captured, wire_len] = self.words(header);
        if seconds == 0 && header == [0; RECORD_HEADER] && ends_in_zeros(window)? {
            return Ok(Next::End);
        }
        let length = self.record_header + captured as usize;
        if length > LONGEST_RECORD {
            return Err(Problem::TooLong { what: "packet record", length: length as u64 });
        }
        let present = match there {
            present if present >= length => length,
            _ => window.fill(length)?.len().min(length),
        };
        let Some(len) = present.checked_sub(self.record_header).filter(|&n| n > 0 || captured == 0)
        else {
            return Err(cut(present, length));
        };
        window.take(present);
        Ok(Next::Packet(Found {
            time_ns: u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.fraction_ns,
            link_type: self.link_type,
            wire_len,
            start: self.record_header,
            len,
            missing: length - present,
        }))
    }

    #[inline]
    fn words(&self, header: [u8; RECORD_HEADER]) -> [u32; 4] {
        let word = |at: usize| {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        [word(0), word(4), word(8), word(12)]
    }
}

/// The link type is in the lower bits; the upper ones tell of frame check sequences, and writers
/// left rubbish in those between.
#[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "16 bits are meant")]
fn link_type(network: i32) -> LinkType {
    LinkType(network as u32 as u16)
}

/// Whether zeros follow to the end of the file, which are then stepped over.
#[cold]
fn ends_in_zeros(window: &mut Window) -> Result<bool, Problem> {
    let bytes = window.fill(PADDING)?;
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    if zeros < bytes.len().min(PADDING) {
        return Ok(false);
    }
    if window.skip_zeros()? { Ok(true) } else { Err(Problem::Zeros { what: "packet record" }) }
}

/// Whether a capture begins where a record should, as in files that were put behind one another.
#[inline]
fn begins_another(header: &[u8; RECORD_HEADER]) -> bool {
    header.first_chunk().copied().is_some_and(begins_pcap)
        || header.first_chunk().is_some_and(begins_section)
}

fn end(present: usize, record_header: usize) -> Result<Next, Problem> {
    if present == 0 { Ok(Next::End) } else { Err(cut(present, record_header)) }
}

fn cut(present: usize, length: usize) -> Problem {
    Problem::Cut { what: "packet record", length, present }
}
