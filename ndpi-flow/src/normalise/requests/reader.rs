//! One way to read what a client sends: a server that reads it so.

use ndpi_labels::{Finding, Findings};

use super::super::http2::{Http2, PREFACE};
use super::super::request::{behind_line, next_start};
use super::asked::Asked;
use super::body::{self, Body};
use super::head::{self, Head, Reading};

/// The longest head that is kept until it is whole.
pub(super) const LONGEST_HEAD: usize = 4 << 10;
/// The longest line that says how large a chunk is.
const LONGEST_LINE: usize = 256;
/// After so many segments in which no request was found, none is looked for.
pub(super) const MOST_UNCLEAR: u16 = 64;

/// Where the client is.
#[derive(Debug)]
enum Place {
    /// In the head of a request, of which these bytes are there.
    Head(Vec<u8>),
    /// Before so many bytes of a body.
    Body(u64),
    /// In the line before a chunk.
    ChunkSize(Vec<u8>),
    /// Before so many bytes of a chunk and of the end of its line.
    Chunk(u64),
    /// In a line behind the last chunk.
    Trailer(Vec<u8>),
    /// In HTTP/2.
    Http2(Box<Http2>),
    /// It is not known: each line may begin a request.
    Unclear,
    /// Nowhere: no server reads it so, or what is asked for is not to be read.
    Nowhere,
}

/// Reads the bytes of a client in one way.
#[derive(Debug)]
pub(super) struct Reader {
    place: Place,
    /// A request is expected where it may be a body: if it is none, nobody reads it so.
    is_guess: bool,
    /// A body comes next that the server may not want.
    is_in_doubt: bool,
    /// Segments in which nothing was found.
    unclear: u16,
}

impl Reader {
    /// Begins with a request.
    pub(super) fn new() -> Self {
        Self { place: Place::Head(Vec::new()), is_guess: false, is_in_doubt: false, unclear: 0 }
    }

    /// A segment begins.
    pub(super) fn begin_segment(&mut self) {
        let is_clear = match &mut self.place {
            Place::Http2(http2) => http2.begin_segment(),
            place => !matches!(place, Place::Unclear),
        };
        if !is_clear {
            self.unclear = self.unclear.saturating_add(1);
        }
    }

    /// Takes some of the bytes, and returns the others.
    pub(super) fn step<'a>(
        &mut self,
        bytes: &'a [u8],
        asked: &mut Asked,
        findings: &mut Findings,
    ) -> &'a [u8] {
        match &mut self.place {
            Place::Head(known) if known.is_empty() => self.head(bytes, bytes, asked, findings),
            Place::Head(known) => {
                let known = [known.as_slice(), bytes].concat();
                self.head(&known, bytes, asked, findings)
            }
            Place::Body(left) | Place::Chunk(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                self.leave_body();
                &bytes[taken..]
            }
            Place::ChunkSize(line) | Place::Trailer(line) => {
                let end = bytes.iter().position(|&byte| byte == b'\n');
                line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
                let is_too_long = line.len() > LONGEST_LINE;
                match end {
                    _ if is_too_long => self.lose(findings),
                    Some(_) => self.line(findings),
                    None => {}
                }
                end.map_or(&[], |end| &bytes[end + 1..])
            }
            Place::Unclear => {
                let start = next_start(bytes);
                if start.is_some() {
                    self.place = Place::Head(Vec::new());
                }
                start.unwrap_or_default()
            }
            Place::Http2(http2) => {
                http2.take(bytes, findings);
                let hosts = http2.hosts();
                if !hosts.is_empty() {
                    self.unclear = 0;
                }
                asked.add(hosts);
                &[]
            }
            Place::Nowhere => &[],
        }
    }

    /// Who reads the next request where this one has come to a body that the server may not want.
    pub(super) fn part(&mut self) -> Option<Self> {
        std::mem::take(&mut self.is_in_doubt).then(|| Self { is_guess: true, ..Self::new() })
    }

    /// Of a segment that the server may not read, the host that it asks for counts, and nothing else. It
    /// begins at the next byte, if `is_next`.
    pub(super) fn suspect(&self, bytes: &[u8], is_next: bool, asked: &mut Asked) {
        if let Place::Http2(http2) = &self.place {
            return asked.add(http2.suspect(bytes, is_next));
        }
        let known = match &self.place {
            Place::Head(known) if is_next => known.as_slice(),
            _ => &[],
        };
        match head::read(&[known, bytes].concat()) {
            Reading::Unfinished(hosts) => asked.add(hosts),
            Reading::Whole(head) => asked.add(head.hosts),
            Reading::Foreign => {}
        }
    }

    /// So many bytes come next that are of no interest.
    pub(super) fn to_skip(&self) -> u64 {
        match &self.place {
            Place::Body(left) | Place::Chunk(left) => *left,
            Place::Http2(http2) => http2.to_skip(),
            _ => 0,
        }
    }

    /// So many bytes went by unseen.
    pub(super) fn skip(&mut self, bytes: u64) {
        if let Place::Http2(http2) = &mut self.place {
            return http2.skip(bytes);
        }
        let skipped = bytes.min(self.to_skip());
        if skipped < bytes {
            self.place = Place::Unclear;
            return;
        }
        match &mut self.place {
            Place::Body(left) | Place::Chunk(left) => *left -= skipped,
            _ => {}
        }
        self.leave_body();
    }

    /// Whether no more requests can be found.
    pub(super) fn is_over(&self) -> bool {
        self.unclear > MOST_UNCLEAR || matches!(self.place, Place::Nowhere)
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        match &self.place {
            Place::Head(bytes) | Place::ChunkSize(bytes) | Place::Trailer(bytes) => bytes.len(),
            Place::Http2(http2) => http2.kept(),
            _ => 0,
        }
    }

    /// What is sent is not what was expected, and servers may take it for another thing than we do.
    pub(super) fn lose(&mut self, findings: &mut Findings) {
        findings.insert(Finding::Ambiguous);
        self.place = Place::Unclear;
    }

    /// The head of a request, of which `known` is there: all of `bytes`, and what came before.
    fn head<'a>(
        &mut self,
        known: &[u8],
        bytes: &'a [u8],
        asked: &mut Asked,
        findings: &mut Findings,
    ) -> &'a [u8] {
        match head::read(known) {
            Reading::Unfinished(hosts) => {
                asked.add(hosts);
                if known.len() > LONGEST_HEAD {
                    findings.insert(Finding::Oversize);
                    self.place = Place::Unclear;
                } else {
                    self.place = Place::Head(known.to_vec());
                }
                &[]
            }
            Reading::Foreign if known.starts_with(&PREFACE[..known.len().min(PREFACE.len())]) => {
                self.place = Place::Http2(Box::default());
                self.step(known, asked, findings);
                &[]
            }
            Reading::Foreign if self.is_guess => {
                self.place = Place::Nowhere;
                &[]
            }
            Reading::Foreign => {
                // As behind a change of protocol (RFC 9110, section 7.8).
                self.place = Place::Unclear;
                behind_line(bytes)
            }
            Reading::Whole(head) => {
                let length = head.length;
                self.behind_head(head, asked, findings);
                &bytes[bytes.len() - (known.len() - length)..]
            }
        }
    }

    fn behind_head(&mut self, head: Head, asked: &mut Asked, findings: &mut Findings) {
        asked.add(head.hosts);
        (self.unclear, self.is_guess) = (0, false);
        self.is_in_doubt = head.is_awaited && matches!(head.body, Body::Length(_) | Body::Chunked);
        self.place = match head.body {
            Body::None => Place::Head(Vec::new()),
            Body::Length(length) => Place::Body(length),
            Body::Chunked => Place::ChunkSize(Vec::new()),
            Body::Contradictory => return self.lose(findings),
        };
    }

    /// The end of a line before or behind chunks.
    fn line(&mut self, findings: &mut Findings) {
        match &self.place {
            Place::ChunkSize(line) => match body::chunk_size(line) {
                Some(0) => self.place = Place::Trailer(Vec::new()),
                Some(size) => self.place = Place::Chunk(size.saturating_add(b"\r\n".len() as u64)),
                None => self.lose(findings),
            },
            Place::Trailer(line) if line.trim_ascii().is_empty() => {
                self.place = Place::Head(Vec::new());
            }
            Place::Trailer(_) => self.place = Place::Trailer(Vec::new()),
            _ => {}
        }
    }

    fn leave_body(&mut self) {
        match self.place {
            Place::Body(0) => self.place = Place::Head(Vec::new()),
            Place::Chunk(0) => self.place = Place::ChunkSize(Vec::new()),
            _ => {}
        }
    }
}
