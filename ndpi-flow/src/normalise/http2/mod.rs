//! Requests of HTTP/2 without TLS (RFC 9113), as far as they say which host they are for.
//!
//! What a sender has said in earlier requests shortens later ones (RFC 7541), so all of them are read, byte by byte:
//! of fields that name no host only their sizes are kept. Bodies and what else is no request need not be seen.

mod block;
mod broken;
mod huffman;
mod number;
mod table;
mod text;

use ndpi_labels::{Finding, Findings};

use self::block::Block;
use self::broken::Broken;

/// What clients send first (section 3.4), also on a connection that HTTP/1 has opened.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The head of each frame (section 4.1).
const HEAD: usize = 9;
/// Frames that open a stream with the fields of a request, and those that go on with them (sections 6.2 and 6.10).
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
/// Others of clients (section 6).
const DATA: u8 = 0;
const PRIORITY_FRAME: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
/// The fields are there with this frame.
const END_HEADERS: u8 = 4;
/// Before them is how long the padding is that is behind them.
const PADDED: u8 = 8;
/// Before them is which other streams come first.
const PRIORITY: u8 = 0x20;
const PRIORITY_SIZE: u8 = 5;
/// Frames are no longer where nobody says that they may be (section 6.5.2).
const USUAL_SIZE: u32 = 1 << 14;

/// Reads what a client sends, from the preface on.
#[derive(Clone, Debug, Default)]
pub(super) struct Http2 {
    place: Place,
    block: Block,
    /// Hosts that were asked for since the last call.
    hosts: Vec<Box<str>>,
}

/// Where the client is.
#[derive(Clone, Debug)]
enum Place {
    /// Behind so many bytes of the preface.
    Preface(usize),
    /// In the head of a frame, of which so many bytes are there. It may be none, if it is a guess.
    Head { bytes: [u8; HEAD], there: usize, is_guess: bool },
    /// Before the byte that says how long the padding is.
    Padding(Frame),
    /// In fields, or before them.
    Fields(Frame),
    /// Before so many bytes that are of no interest.
    Skip(u32),
    /// It is not known.
    Lost,
}

impl Default for Place {
    fn default() -> Self {
        Self::Preface(0)
    }
}

/// What is to come of a frame with fields.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// So many bytes are before them.
    before: u8,
    /// The request has no more of them.
    is_last: bool,
    /// Bytes, with the padding behind them.
    left: u32,
    padding: u32,
}

impl Http2 {
    /// A segment begins: where the client is not known to be elsewhere, a frame may begin there. False where it is not
    /// known where the client is.
    pub(super) fn begin_segment(&mut self) -> bool {
        let is_lost = matches!(self.place, Place::Lost);
        if is_lost {
            self.place = Place::frame(true);
        }
        !is_lost
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8], findings: &mut Findings) {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match &mut self.place {
                Place::Skip(left) => {
                    let skipped = bytes.len().min(*left as usize);
                    self.skip(skipped as u64);
                    &bytes[skipped..]
                }
                Place::Lost => {
                    findings.insert(Finding::Ambiguous);
                    return;
                }
                _ => {
                    if self.next(byte, findings).is_err() {
                        self.lose();
                    }
                    rest
                }
            };
        }
    }

    /// So many bytes come next that are of no interest.
    pub(super) fn to_skip(&self) -> u64 {
        if let Place::Skip(left) = self.place { left.into() } else { 0 }
    }

    /// So many bytes went by unseen.
    pub(super) fn skip(&mut self, bytes: u64) {
        match &mut self.place {
            Place::Skip(left) if bytes <= u64::from(*left) => {
                self.place = Place::behind(*left - u32::try_from(bytes).unwrap_or(*left));
            }
            _ if bytes > 0 => self.lose(),
            _ => {}
        }
    }

    /// The hosts that are asked for in a segment that the server may not read. It begins at the next byte, if
    /// `is_next`.
    pub(super) fn suspect(&self, bytes: &[u8], is_next: bool) -> Vec<Box<str>> {
        let mut other = Self { hosts: Vec::new(), ..self.clone() };
        if !is_next {
            other.lose();
            other.place = Place::frame(true);
        }
        other.take(bytes, &mut Findings::default());
        other.hosts()
    }

    /// The hosts that requests asked for since the last call.
    pub(super) fn hosts(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.hosts)
    }

    /// How many bytes it keeps, about.
    pub(super) fn kept(&self) -> usize {
        size_of::<Self>() + self.block.kept()
    }

    /// It is not known any more where the client is, nor what it refers to.
    fn lose(&mut self) {
        self.place = Place::Lost;
        self.block.lose();
    }

    fn next(&mut self, byte: u8, findings: &mut Findings) -> Result<(), Broken> {
        match &mut self.place {
            Place::Preface(there) => {
                if PREFACE.get(*there) != Some(&byte) {
                    return Err(Broken);
                }
                *there += 1;
                if *there == PREFACE.len() {
                    self.place = Place::frame(false);
                }
            }
            Place::Head { bytes, there, is_guess } => {
                bytes[*there] = byte;
                *there += 1;
                if *there == HEAD {
                    let head = *bytes;
                    if *is_guess && !is_plausible(head) {
                        return Err(Broken);
                    }
                    self.frame(head, findings)?;
                }
            }
            Place::Padding(frame) => {
                let frame = Frame { left: frame.left - 1, padding: byte.into(), ..*frame };
                self.go_on(frame, findings)?;
            }
            Place::Fields(frame) => {
                let mut frame = *frame;
                frame.left -= 1;
                match frame.before.checked_sub(1) {
                    Some(before) => frame.before = before,
                    None => self.block.take(byte)?,
                }
                self.go_on(frame, findings)?;
            }
            Place::Skip(_) | Place::Lost => {}
        }
        Ok(())
    }

    /// The head of a frame is there.
    fn frame(&mut self, head: [u8; HEAD], findings: &mut Findings) -> Result<(), Broken> {
        let [high, middle, low, kind, flags, ..] = head;
        let left = u32::from_be_bytes([0, high, middle, low]);
        let has = |flag| kind == HEADERS && flags & flag != 0;
        let before = if has(PRIORITY) { PRIORITY_SIZE } else { 0 };
        let frame = Frame { before, is_last: flags & END_HEADERS != 0, left, padding: 0 };
        match kind {
            HEADERS if has(PADDED) && left == 0 => return Err(Broken),
            HEADERS if has(PADDED) => self.place = Place::Padding(frame),
            HEADERS | CONTINUATION => self.go_on(frame, findings)?,
            _ => self.place = Place::behind(left),
        }
        Ok(())
    }

    /// Goes on with a frame of fields.
    fn go_on(&mut self, frame: Frame, findings: &mut Findings) -> Result<(), Broken> {
        if frame.left > frame.padding {
            self.place = Place::Fields(frame);
            return Ok(());
        }
        if frame.left < frame.padding || frame.before > 0 {
            return Err(Broken);
        }
        self.place = Place::behind(frame.padding);
        if frame.is_last {
            let (hosts, is_unclear) = self.block.end()?;
            if is_unclear && hosts.is_empty() {
                findings.insert(Finding::Ambiguous);
            }
            self.hosts.extend(hosts);
        }
        Ok(())
    }
}

impl Place {
    /// Before a frame.
    fn frame(is_guess: bool) -> Self {
        Self::Head { bytes: [0; HEAD], there: 0, is_guess }
    }

    /// Before a frame that is behind so many bytes of no interest.
    fn behind(bytes: u32) -> Self {
        if bytes == 0 { Self::frame(false) } else { Self::Skip(bytes) }
    }
}

/// Whether bytes may be the head of a frame of a client, where it is not known that there is one.
fn is_plausible([high, middle, low, kind, _, stream @ ..]: [u8; HEAD]) -> bool {
    let (length, stream) = (u32::from_be_bytes([0, high, middle, low]), u32::from_be_bytes(stream));
    let is_of_request = stream % 2 == 1 && stream < 1 << 31;
    match kind {
        DATA | HEADERS => is_of_request && length <= USUAL_SIZE,
        PRIORITY_FRAME => is_of_request && length == u32::from(PRIORITY_SIZE),
        RST_STREAM => is_of_request && length == 4,
        SETTINGS => stream == 0 && length % 6 == 0,
        PING => stream == 0 && length == 8,
        WINDOW_UPDATE => (stream == 0 || is_of_request) && length == 4,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
