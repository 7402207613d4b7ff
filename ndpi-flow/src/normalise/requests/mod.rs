//! The requests of a client on one connection, as far as they say which host they are for.
//!
//! Each request of HTTP/1 may be for another host (RFC 9112, section 3.2). What is between the heads of two
//! requests is of no interest, and its length is known (section 6.3): it need not be seen. So is it in HTTP/2
//! (`http2`), with which a connection may begin, and to which it may change.

mod asked;
mod body;
mod head;
mod reader;

use ndpi_labels::{Finding, Findings};

use self::asked::Asked;
use self::reader::Reader;
use super::http2::PREFACE;
use super::request::{Start, behind_empty_lines};

/// In so many ways the bytes of a client are read at once.
const MOST_READERS: usize = 4;

/// What is known of the requests of a client.
#[derive(Debug)]
pub(super) struct Requests {
    /// The ways in which its server may read them. There is more than one where bodies come that the server
    /// may not have wanted; none where no more requests can be found.
    readers: Vec<Reader>,
    asked: Asked,
}

impl Requests {
    /// Reads a stream that begins with `bytes`; `None` where it does not begin with a request. The host of the
    /// first request is known to others, but for that of HTTP/2.
    pub(super) fn after(bytes: &[u8], findings: &mut Findings) -> Option<Self> {
        if Start::of(behind_empty_lines(bytes)) != Start::Request {
            return None;
        }
        let mut requests = Self { readers: vec![Reader::new()], asked: Asked::default() };
        let mut found = Findings::NONE;
        requests.take(bytes, &mut found);
        // A long first head is no finding: others keep more of it.
        findings.extend(found.iter().filter(|finding| *finding != Finding::Oversize));
        if !bytes.starts_with(PREFACE) {
            requests.asked.leave_first();
        }
        Some(requests)
    }

    /// The payload of a segment, or what is new of it: the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8], findings: &mut Findings) {
        for number in 0..self.readers.len() {
            self.readers[number].begin_segment();
            self.read(number, bytes, findings);
        }
        self.readers.retain(|reader| !reader.is_over());
    }

    /// Has one reader read these bytes, and those who part from it what they begin with.
    fn read(&mut self, number: usize, mut bytes: &[u8], findings: &mut Findings) {
        while !bytes.is_empty() {
            bytes = self.readers[number].step(bytes, &mut self.asked, findings);
            let Some(other) = self.readers[number].part() else { continue };
            if self.readers.len() == MOST_READERS {
                self.readers[number].lose(findings);
            } else {
                self.readers.push(other);
                self.read(self.readers.len() - 1, bytes, findings);
            }
        }
    }

    /// A segment that the server may not read: the host that it asks for counts, and nothing else. It begins
    /// at the next byte, if `is_next`.
    pub(super) fn suspect(&mut self, bytes: &[u8], is_next: bool) {
        for reader in &self.readers {
            reader.suspect(bytes, is_next, &mut self.asked);
        }
    }

    /// So many bytes come next that are of no interest, whoever reads them.
    pub(super) fn to_skip(&self) -> u64 {
        self.readers.iter().map(Reader::to_skip).min().unwrap_or(0)
    }

    /// So many bytes went by unseen.
    pub(super) fn skip(&mut self, bytes: u64) {
        for reader in &mut self.readers {
            reader.skip(bytes);
        }
    }

    /// Hosts that were asked for since the last call.
    pub(super) fn hosts(&mut self) -> Vec<Box<str>> {
        self.asked.take()
    }

    /// Whether no more requests can be found.
    pub(super) fn is_over(&self) -> bool {
        self.readers.is_empty()
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        self.readers.iter().map(Reader::kept).sum()
    }
}

#[cfg(test)]
mod tests;
