//! The pcap format (draft-ietf-opsawg-pcap): a header, then records of a time and a packet.

use pcap_parser::{PcapHeader, parse_pcap_header};

use super::window::Window;
use super::{Found, LONGEST_RECORD, LinkType, Problem};

const HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
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
            Err(_) => return Err(Problem::NotACapture(*bytes.first_chunk().expect("magic seen"))),
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
    pub(super) fn next_packet(&mut self, window: &mut Window) -> Result<Option<Found>, Problem> {
        let bytes = window.fill(self.record_header)?;
        let Some(&header) = bytes.first_chunk() else {
            return end(bytes.len(), self.record_header);
        };
        let [seconds, fraction, captured, wire_len] = self.words(header);
        let length = self.record_header + captured as usize;
        if length > LONGEST_RECORD {
            return Err(Problem::TooLong { what: "packet record", length: length as u64 });
        }
        let present = match bytes.len() {
            present if present >= length => length,
            _ => window.fill(length)?.len().min(length),
        };
        let Some(len) = present.checked_sub(self.record_header).filter(|&n| n > 0 || captured == 0)
        else {
            return Err(cut(present, length));
        };
        window.take(present);
        Ok(Some(Found {
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

fn end(present: usize, record_header: usize) -> Result<Option<Found>, Problem> {
    if present == 0 { Ok(None) } else { Err(cut(present, record_header)) }
}

fn cut(present: usize, length: usize) -> Problem {
    Problem::Cut { what: "packet record", length, present }
}
