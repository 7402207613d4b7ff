//! Zstandard streams: several frames, skippable ones among them, one after another (RFC 8878).

use std::error::Error;
use std::io::{self, BufRead, ErrorKind, Read};

use ruzstd::decoding::BlockDecodingStrategy::UptoBlocks;
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use super::padding;

/// Decompresses all frames of `source`. A frame's window is bounded by the decoder (100 MB).
pub(super) struct ZstdReader<R> {
    source: R,
    frame: FrameDecoder,
    /// What ends the reading, after what was decompressed before it.
    failed: Option<io::Error>,
}

impl<R: BufRead> ZstdReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, frame: FrameDecoder::new(), failed: None }
    }

    fn start_frame(&mut self) -> io::Result<()> {
        match self.frame.init(&mut self.source) {
            Ok(()) => Ok(()),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let mut skipped = (&mut self.source).take(length.into());
                let skipped = io::copy(&mut skipped, &mut io::sink())?;
                if skipped < length.into() { Err(padding::cut("zstd")) } else { Ok(()) }
            }
            Err(error) => Err(said(&error)),
        }
    }

    /// Decompresses a block. Where that fails, the frame is ended as if it had been the last one: the
    /// decoder would keep as much as a window of what came before.
    fn next_block(&mut self) {
        const LAST_BLOCK_OF_NOTHING: [u8; 3] = [1, 0, 0];
        const CHECKSUM: [u8; 4] = [0; 4];
        let Err(error) = self.frame.decode_blocks(&mut self.source, UptoBlocks(1)) else { return };
        let end = [&LAST_BLOCK_OF_NOTHING[..], &CHECKSUM].concat();
        // That it works shows in `is_finished`; without it there is nothing to be had.
        let _ = self.frame.decode_blocks(&end[..], UptoBlocks(1));
        self.failed = Some(said(&error));
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.frame.can_collect() > 0 {
                return self.frame.read(buffer);
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if !self.frame.is_finished() {
                self.next_block();
            } else if padding::behind(&mut self.source, "zstd", |_| true)? {
                self.start_frame()?;
            } else {
                return Ok(0);
            }
        }
    }
}

/// What went wrong, in words: the decoder's own are for its developers.
fn said(error: &FrameDecoderError) -> io::Error {
    let refused = match error {
        FrameDecoderError::WindowSizeTooBig { requested, max } => {
            format!("its zstd window of {requested} bytes is larger than the {max} allowed")
        }
        FrameDecoderError::DictNotProvided { .. } => "its zstd data need a dictionary".into(),
        _ => String::new(),
    };
    if !refused.is_empty() {
        return io::Error::new(ErrorKind::InvalidData, refused);
    }
    match causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()) {
        Some(error) if error.kind() == ErrorKind::UnexpectedEof => padding::cut("zstd"),
        Some(error) => io::Error::new(error.kind(), error.to_string()),
        None => padding::damaged("zstd", "they cannot be decompressed"),
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}
