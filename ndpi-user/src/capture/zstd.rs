//! Zstandard streams: several frames, skippable ones among them, one after another (RFC 8878).

use std::io::{self, BufRead, Read};

use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

/// Decompresses all frames of `source`. A frame's window is bounded by the decoder (100 MB).
pub(super) struct ZstdReader<R> {
    source: R,
    frame: FrameDecoder,
}

impl<R: BufRead> ZstdReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, frame: FrameDecoder::new() }
    }

    fn start_frame(&mut self) -> io::Result<()> {
        match self.frame.init(&mut self.source) {
            Ok(()) => Ok(()),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let mut skipped = (&mut self.source).take(length.into());
                io::copy(&mut skipped, &mut io::sink()).map(drop)
            }
            Err(e) => Err(io::Error::other(e)),
        }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use ruzstd::decoding::BlockDecodingStrategy::UptoBlocks;
        loop {
            if self.frame.can_collect() > 0 {
                return self.frame.read(buffer);
            }
            if !self.frame.is_finished() {
                let decoded = self.frame.decode_blocks(&mut self.source, UptoBlocks(1));
                decoded.map_err(io::Error::other)?;
            } else if self.source.fill_buf()?.is_empty() {
                return Ok(0);
            } else {
                self.start_frame()?;
            }
        }
    }
}
