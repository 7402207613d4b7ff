//! Strings of HPACK (RFC 7541, section 5.2).

use super::broken::Broken;
use super::huffman::Code;
use super::number::Number;

/// So much of a string is kept: no host with its port is longer.
const KEPT: usize = 264;
/// The bit that says that a string is in the code.
const CODED: u8 = 0x80;

/// A string, as far as its bytes are there.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// Of how many bytes it is sent.
    size: Number,
    taken: u32,
    code: Option<Code>,
    /// How many it stands for.
    length: u32,
    /// The first of them.
    kept: Vec<u8>,
}

impl Text {
    /// Begins with the byte that says how it is written.
    pub(super) fn begin(byte: u8) -> Self {
        let code = (byte & CODED != 0).then(Code::default);
        Self { size: Number::begin(byte, 7), taken: 0, code, length: 0, kept: Vec::new() }
    }

    /// Goes on with the next byte.
    pub(super) fn take(&mut self, byte: u8) -> Result<(), Broken> {
        if self.size.whole().is_none() {
            return self.size.take(byte);
        }
        self.taken += 1;
        let (kept, length) = (&mut self.kept, &mut self.length);
        let mut is_there = |byte| {
            *length = length.saturating_add(1);
            if kept.len() < KEPT {
                kept.push(byte);
            }
        };
        match &mut self.code {
            Some(code) => code.take(byte, is_there)?,
            None => is_there(byte),
        }
        let may_end = self.code.as_ref().is_none_or(Code::may_end);
        if self.is_whole() && !may_end { Err(Broken) } else { Ok(()) }
    }

    /// Whether it is there.
    pub(super) fn is_whole(&self) -> bool {
        self.size.whole() == Some(self.taken)
    }

    /// How many bytes it has.
    pub(super) fn length(&self) -> u32 {
        self.length
    }

    /// Its bytes, or the first of many.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Text};

    fn read(bytes: &[u8]) -> Option<Text> {
        let (first, rest) = bytes.split_first().unwrap();
        let mut text = Text::begin(*first);
        for byte in rest {
            assert!(!text.is_whole());
            text.take(*byte).ok()?;
        }
        text.is_whole().then_some(text)
    }

    #[test]
    fn a_string_is_written_out_or_in_the_code() {
        for bytes in [&b"\x02no"[..], b"\x82\xa8\xff"] {
            assert_eq!(read(bytes).unwrap().bytes(), b"no");
        }
        assert_eq!(read(b"\x00").unwrap().length(), 0);
        assert!(read(b"\x82\xa8").is_none(), "half of it");
        assert!(read(b"\x81\x18").is_none(), "no padding");
    }

    #[test]
    fn of_a_long_one_the_beginning_is_kept() {
        let long = [&[0x7f, 0xe9, 0x06][..], &[b'a'; 1000]].concat();
        let text = read(&long).unwrap();
        assert_eq!((text.length(), text.bytes()), (1000, &[b'a'; KEPT][..]));
    }
}
