//! The requests of a client on one connection, as far as they say which host they are for.
//!
//! Each request of HTTP/1 may be for another host (RFC 9112, section 3.2). What is between the heads of two
//! requests is of no interest, and its length is known (section 6.3): it need not be seen.

mod body;
mod head;
mod host;

use ndpi_labels::{Finding, Findings};

use self::body::Body;
use self::head::Reading;
use super::request::{Start, behind_empty_lines, behind_line, next_start};

/// The longest head that is kept until it is whole.
const LONGEST_HEAD: usize = 4 << 10;
/// The longest line that says how large a chunk is.
const LONGEST_LINE: usize = 256;
/// After so many segments in which no request was found, none is looked for.
const MOST_UNCLEAR: u16 = 64;

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
    /// It is not known: each line may begin a request.
    Unclear,
    /// In a body that the server may not have wanted: what begins a segment may be a request.
    Awaited,
}

/// What is known of the requests of a client.
#[derive(Debug)]
pub(super) struct Requests {
    place: Place,
    /// Hosts that were asked for and not taken notice of yet.
    hosts: Vec<Box<str>>,
    /// The last one.
    last: Option<Box<str>>,
    /// Segments in which nothing was found.
    unclear: u16,
}

impl Requests {
    /// Reads a stream that begins with `bytes`; `None` where it does not begin with a request. The host of the
    /// first request is known to others.
    pub(super) fn after(bytes: &[u8], findings: &mut Findings) -> Option<Self> {
        if Start::of(behind_empty_lines(bytes)) != Start::Request {
            return None;
        }
        let mut requests =
            Self { place: Place::Head(Vec::new()), hosts: Vec::new(), last: None, unclear: 0 };
        requests.take(bytes, findings);
        if !requests.hosts.is_empty() {
            requests.hosts.remove(0);
        }
        Some(requests)
    }

    /// The payload of a segment, or what is new of it: the next bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8], findings: &mut Findings) {
        if matches!(self.place, Place::Unclear | Place::Awaited) {
            self.unclear = self.unclear.saturating_add(1);
        }
        if matches!(self.place, Place::Awaited) && begins_request(bytes) {
            self.place = Place::Head(Vec::new());
        }
        while !bytes.is_empty() {
            bytes = self.step(bytes, findings);
        }
    }

    /// A segment that the server may not read: the host that it asks for counts, and nothing else. It begins
    /// at the next byte, if `is_next`.
    pub(super) fn suspect(&mut self, bytes: &[u8], is_next: bool) {
        let known = match &self.place {
            Place::Head(known) if is_next => known.as_slice(),
            _ => &[],
        };
        match head::read(&[known, bytes].concat()) {
            Reading::Unfinished(hosts) => self.ask_for(hosts),
            Reading::Whole(head) => self.ask_for(head.hosts),
            Reading::Foreign => {}
        }
    }

    /// So many bytes come next that are of no interest.
    pub(super) fn to_skip(&self) -> u64 {
        match self.place {
            Place::Body(left) | Place::Chunk(left) => left,
            _ => 0,
        }
    }

    /// So many bytes went by unseen.
    pub(super) fn skip(&mut self, bytes: u64) {
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

    /// Hosts that were asked for since the last call.
    pub(super) fn hosts(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.hosts)
    }

    /// Whether no more requests can be found.
    pub(super) fn is_over(&self) -> bool {
        self.unclear > MOST_UNCLEAR
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        match &self.place {
            Place::Head(bytes) | Place::ChunkSize(bytes) | Place::Trailer(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// Takes some of the bytes, and returns the others.
    fn step<'a>(&mut self, bytes: &'a [u8], findings: &mut Findings) -> &'a [u8] {
        match &mut self.place {
            Place::Head(known) if known.is_empty() => self.head(bytes, bytes, findings),
            Place::Head(known) => {
                let known = [known.as_slice(), bytes].concat();
                self.head(&known, bytes, findings)
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
            Place::Awaited => &[],
        }
    }

    /// The head of a request, of which `known` is there: all of `bytes`, and what came before.
    fn head<'a>(&mut self, known: &[u8], bytes: &'a [u8], findings: &mut Findings) -> &'a [u8] {
        match head::read(known) {
            Reading::Unfinished(hosts) => {
                self.ask_for(hosts);
                if known.len() > LONGEST_HEAD {
                    findings.insert(Finding::Oversize);
                    self.place = Place::Unclear;
                } else {
                    self.place = Place::Head(known.to_vec());
                }
                &[]
            }
            Reading::Foreign => {
                // As behind a change of protocol (RFC 9110, section 7.8).
                self.place = Place::Unclear;
                behind_line(bytes)
            }
            Reading::Whole(head) => {
                self.ask_for(head.hosts);
                self.unclear = 0;
                self.place = match head.body {
                    Body::None => Place::Head(Vec::new()),
                    Body::Length(length) => Place::Body(length),
                    Body::Chunked => Place::ChunkSize(Vec::new()),
                    Body::Awaited => Place::Awaited,
                    Body::Contradictory => {
                        findings.insert(Finding::Ambiguous);
                        Place::Unclear
                    }
                };
                &bytes[bytes.len() - (known.len() - head.length)..]
            }
        }
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

    /// What is sent is no request, and servers may take it for another thing than we do.
    fn lose(&mut self, findings: &mut Findings) {
        findings.insert(Finding::Ambiguous);
        self.place = Place::Unclear;
    }

    fn leave_body(&mut self) {
        match self.place {
            Place::Body(0) => self.place = Place::Head(Vec::new()),
            Place::Chunk(0) => self.place = Place::ChunkSize(Vec::new()),
            _ => {}
        }
    }

    fn ask_for(&mut self, hosts: Vec<Box<str>>) {
        for host in hosts {
            if self.last.as_ref() != Some(&host) {
                self.last = Some(host.clone());
                self.hosts.push(host);
            }
        }
    }
}

/// Whether bytes, which may be of a body, begin with a request.
fn begins_request(bytes: &[u8]) -> bool {
    let bytes = behind_empty_lines(bytes);
    !bytes.is_empty() && Start::of(bytes) != Start::Foreign
}

#[cfg(test)]
mod tests;
