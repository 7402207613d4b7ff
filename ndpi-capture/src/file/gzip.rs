//! Gzip files: several members one after another (RFC 1952), and zeros behind the last one, which
//! tapes and file systems leave there.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;

use super::padding;

/// Decompresses all members of `R`.
pub(super) struct GzipReader<R> {
    /// `None` for a moment between two members, and after the last one.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { member: Some(GzDecoder::new(source)) }
    }

    /// Goes on to the next member; false where there is none.
    fn next_member(&mut self) -> io::Result<bool> {
        let Some(member) = self.member.take() else { return Ok(false) };
        let mut source = member.into_inner();
        let more = padding::behind(&mut source, "gzip", |first| first == 0x1f)?;
        if more {
            self.member = Some(GzDecoder::new(source));
        }
        Ok(more)
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer).map_err(|error| said(&error))?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.next_member()?;
        }
        Ok(0)
    }
}

fn said(error: &io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => padding::cut("gzip"),
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            padding::damaged("gzip", &error.to_string())
        }
        kind => io::Error::new(kind, error.to_string()),
    }
}
