//! Integers of HPACK (RFC 7541, section 5.1).

use super::broken::Broken;

/// So many bytes may go on with a number. What is larger than they can say is in no head that a server takes.
const MOST_BYTES: u8 = 4;

/// A number, as far as its bytes are there.
#[derive(Clone, Debug)]
pub(super) struct Number {
    value: u32,
    /// Bytes that went on with it.
    more: u8,
    is_whole: bool,
}

impl Number {
    /// Begins with the lower `bits` of a byte.
    pub(super) fn begin(byte: u8, bits: u8) -> Self {
        let most = u8::MAX >> (8 - bits);
        let value = byte & most;
        Self { value: value.into(), more: 0, is_whole: value < most }
    }

    /// Goes on with the next byte.
    pub(super) fn take(&mut self, byte: u8) -> Result<(), Broken> {
        if self.more == MOST_BYTES {
            return Err(Broken);
        }
        self.value += u32::from(byte & 0x7f) << (7 * self.more);
        self.more += 1;
        self.is_whole = byte & 0x80 == 0;
        Ok(())
    }

    /// The number, once it is whole.
    pub(super) fn whole(&self) -> Option<u32> {
        self.is_whole.then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    /// What bytes say of which the first has so many bits of the number.
    fn read(bytes: &[u8], bits: u8) -> Option<u32> {
        let (first, rest) = bytes.split_first().unwrap();
        let mut number = Number::begin(*first, bits);
        for byte in rest {
            assert_eq!(number.whole(), None);
            number.take(*byte).ok()?;
        }
        number.whole()
    }

    #[test]
    fn numbers_are_those_of_the_standard() {
        // RFC 7541, appendix C.1.
        assert_eq!(read(&[0b1110_1010], 5), Some(10));
        assert_eq!(read(&[0b0001_1111, 0b1001_1010, 0b0000_1010], 5), Some(1337));
        assert_eq!(read(&[0b0010_1010], 8), Some(42));
    }

    #[test]
    fn a_number_has_an_end() {
        assert_eq!(read(&[0x7f, 0xff, 0xff, 0xff, 0x7f], 7), Some(127 + (1 << 28) - 1));
        assert_eq!(read(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0], 7), None);
        assert_eq!(read(&[0x7f, 0x80], 7), None, "it goes on");
    }
}
