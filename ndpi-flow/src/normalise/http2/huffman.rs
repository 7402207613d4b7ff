//! The code of strings in HPACK (RFC 7541, appendix B).
//!
//! It is canonical: the codes of one length are consecutive, in the order of what they stand for, and follow those
//! that are shorter. So the lengths say all.

use super::broken::Broken;

/// How many bits each byte has, and the end.
const LENGTHS: [u8; END + 1] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, //
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, //
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
    30,
];
/// What ends a string where it does not fill a byte: nobody writes it out.
const END: usize = 256;
const LONGEST: usize = 30;
/// The bits that fill the last byte are the first of the end's code, all ones.
const MOST_PADDING: u8 = 7;

/// What there is of each length: the first code, how many there are, and how many are shorter.
const CODES: [(u32, u32, u32); LONGEST + 1] = codes();
/// What the codes stand for, in their order.
const SYMBOLS: [u16; END + 1] = symbols();

const fn codes() -> [(u32, u32, u32); LONGEST + 1] {
    let mut codes = [(0, 0, 0); LONGEST + 1];
    let mut symbol = 0;
    while symbol <= END {
        codes[LENGTHS[symbol] as usize].1 += 1;
        symbol += 1;
    }
    let mut length = 1;
    while length <= LONGEST {
        let (first, count, before) = codes[length - 1];
        codes[length].0 = (first + count) << 1;
        codes[length].2 = before + count;
        length += 1;
    }
    codes
}

const fn symbols() -> [u16; END + 1] {
    let mut symbols = [0; END + 1];
    let (mut length, mut place) = (0, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol <= END {
            if LENGTHS[symbol] as usize == length {
                #[expect(clippy::cast_possible_truncation, reason = "at most 256")]
                let as_symbol = symbol as u16;
                symbols[place] = as_symbol;
                place += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    symbols
}

/// A code, as far as its bits are there.
#[derive(Clone, Debug, Default)]
pub(super) struct Code {
    bits: u32,
    length: u8,
}

impl Code {
    /// Goes on with the bits of a byte, and calls `is_there` with each byte that they stand for.
    pub(super) fn take(&mut self, byte: u8, mut is_there: impl FnMut(u8)) -> Result<(), Broken> {
        for place in (0..8).rev() {
            self.bits = self.bits << 1 | u32::from(byte >> place & 1);
            self.length += 1;
            let (first, count, before) = CODES[usize::from(self.length)];
            let place = self.bits.wrapping_sub(first);
            if place >= count {
                continue;
            }
            let symbol = SYMBOLS[(before + place) as usize];
            is_there(u8::try_from(symbol).map_err(|_| Broken)?);
            *self = Self::default();
        }
        Ok(())
    }

    /// Whether a string may end here.
    pub(super) fn may_end(&self) -> bool {
        self.length <= MOST_PADDING && self.bits + 1 == 1 << self.length
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    fn read(bytes: &[u8]) -> Option<String> {
        let (mut code, mut text) = (Code::default(), Vec::new());
        for byte in bytes {
            code.take(*byte, |byte| text.push(byte)).ok()?;
        }
        code.may_end().then(|| String::from_utf8(text).unwrap())
    }

    #[test]
    fn strings_are_those_of_the_standard() {
        // RFC 7541, appendix C.4.
        let host = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(read(&host).as_deref(), Some("www.example.com"));
        assert_eq!(read(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]).as_deref(), Some("no-cache"));
        assert_eq!(read(&[]).as_deref(), Some(""));
    }

    #[test]
    fn the_longest_codes_are_read() {
        // A line feed, and what comes before the end.
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xf3]).as_deref(), Some("\n"));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xf7]).as_deref(), Some("\r"));
    }

    #[test]
    fn what_no_server_takes_is_broken() {
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff]), None, "the end");
        assert_eq!(read(&[0xff]), None, "a byte of padding");
        assert_eq!(read(&[0b0001_1000]), None, "padding of zeros");
    }
}
