//! Numbers, texts and lists as the protocol has them: <https://kafka.apache.org/protocol#protocol_types>.

use crate::KafkaError;

/// What is written.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn i8(&mut self, value: i8) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn i16(&mut self, value: i16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// A number in as many bytes as it needs, small ones of either sign in one.
    pub(crate) fn varint(&mut self, value: i64) {
        let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
        loop {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                return self.0.push(low & 0x7f);
            }
            self.0.push(low | 0x80);
        }
    }

    /// A text of at most 32,767 bytes, cut where it is longer.
    pub(crate) fn text(&mut self, text: &str) {
        let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
        self.i16(length);
        self.0.extend_from_slice(&text.as_bytes()[..usize::from(length.unsigned_abs())]);
    }

    /// A text that is none.
    pub(crate) fn no_text(&mut self) {
        self.i16(-1);
    }

    /// The length of what follows: of a list, or of bytes.
    pub(crate) fn length(&mut self, length: usize) {
        self.i32(i32::try_from(length).unwrap_or(i32::MAX));
    }

    /// Bytes with their length, in as many bytes as that needs.
    pub(crate) fn counted(&mut self, bytes: &[u8]) {
        self.varint(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        self.0.extend_from_slice(bytes);
    }
}

/// What is read.
#[derive(Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], KafkaError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(KafkaError::Protocol)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], KafkaError> {
        self.take(N)?.try_into().map_err(|_| KafkaError::Protocol)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, KafkaError> {
        Ok(self.array::<1>()? != [0])
    }

    pub(crate) fn i16(&mut self) -> Result<i16, KafkaError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, KafkaError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, KafkaError> {
        self.array().map(i64::from_be_bytes)
    }

    /// A text; `None` where there is none.
    pub(crate) fn text(&mut self) -> Result<Option<String>, KafkaError> {
        let Ok(length) = usize::try_from(self.i16()?) else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(self.take(length)?).into_owned()))
    }

    /// What `each` reads, as often as it is there.
    pub(crate) fn list<T>(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<T, KafkaError>,
    ) -> Result<Vec<T>, KafkaError> {
        // As long as there are bytes for it: a length is no room.
        (0..self.i32()?).map(|_| each(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_bytes_as_they_need() {
        for (value, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (63, &[0x7e]),
            (64, &[0x80, 1]),
            (-65, &[0x81, 1]),
            (300, &[0xd8, 4]),
        ] {
            let mut writer = Writer::default();
            writer.varint(value);
            assert_eq!(writer.0, bytes, "{value}");
        }
        let mut writer = Writer::default();
        writer.varint(i64::MIN);
        assert_eq!(writer.0.len(), 10);
    }

    #[test]
    fn what_is_missing_is_an_error_and_a_length_takes_no_memory() {
        let mut writer = Writer::default();
        writer.text("topic");
        writer.no_text();
        writer.length(i32::MAX as usize);
        let mut reader = Reader(&writer.0);
        assert_eq!(reader.text().unwrap().as_deref(), Some("topic"));
        assert_eq!(reader.text().unwrap(), None);
        assert!(reader.list(Reader::i64).is_err());
        assert!(Reader(&[0, 5, b'x']).text().is_err());
    }
}
