//! Batches of records: <https://kafka.apache.org/documentation/#recordbatch>.

use crate::checksum::crc32c;
use crate::wire::Writer;

/// Bytes of a batch before its records.
pub(crate) const HEAD: usize = 61;

/// The version of such batches.
const MAGIC: i8 = 2;

/// The header of a record that tells it from all others.
const ID: &str = "id";

/// A record that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What tells it from all others, in a header called `id`: one that was sent again has the same.
    pub id: &'a str,
    /// What it says.
    pub value: &'a [u8],
    /// When it was made, in milliseconds since 1970.
    pub time_ms: i64,
}

/// Records that are sent together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    records: Vec<Kept>,
    size: usize,
}

/// A record of a batch.
#[derive(Debug)]
struct Kept {
    /// Of whoever published it.
    number: u64,
    time_ms: i64,
    /// Key, value and headers, as they are sent.
    body: Vec<u8>,
}

impl Batch {
    /// Bytes of its records.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The numbers of its records.
    pub(crate) fn numbers(&self) -> impl ExactSizeIterator<Item = u64> {
        self.records.iter().map(|record| record.number)
    }

    /// Appends a record.
    pub(crate) fn push(&mut self, number: u64, key: &[u8], record: &Record<'_>) {
        let mut body = Writer::default();
        body.counted(key);
        body.counted(record.value);
        // One header.
        body.varint(1);
        body.counted(ID.as_bytes());
        body.counted(record.id.as_bytes());
        self.keep(Kept { number, time_ms: record.time_ms, body: body.0 });
    }

    fn keep(&mut self, record: Kept) {
        self.size += record.body.len();
        self.records.push(record);
    }

    /// Two of half as many records each.
    pub(crate) fn halves(mut self) -> [Self; 2] {
        let second = self.records.split_off(self.records.len() / 2);
        [self.records, second].map(|records| {
            let mut half = Self::default();
            for record in records {
                half.keep(record);
            }
            half
        })
    }

    /// It as it is sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let times = || self.records.iter().map(|record| record.time_ms);
        let first = times().next().unwrap_or_default();
        let count = i32::try_from(self.records.len()).unwrap_or(i32::MAX);
        let mut body = Writer(Vec::with_capacity(HEAD + self.size + 16 * self.records.len()));
        // Neither compressed nor of a transaction.
        body.i16(0);
        body.i32(count - 1);
        body.i64(first);
        body.i64(times().max().unwrap_or_default());
        // No producer's number, epoch and sequence.
        body.i64(-1);
        body.i16(-1);
        body.i32(-1);
        body.i32(count);
        for (place, record) in (0..).zip(&self.records) {
            let mut head = Writer::default();
            // No attributes.
            head.i8(0);
            head.varint(record.time_ms.saturating_sub(first));
            head.varint(place);
            let length = head.0.len() + record.body.len();
            body.varint(i64::try_from(length).unwrap_or(i64::MAX));
            body.0.extend_from_slice(&head.0);
            body.0.extend_from_slice(&record.body);
        }

        let mut whole = Writer(Vec::with_capacity(HEAD + body.0.len()));
        whole.i64(0);
        // What follows: leader's epoch, version and checksum, and the body.
        whole.length(4 + 1 + 4 + body.0.len());
        whole.i32(-1);
        whole.i8(MAGIC);
        whole.i32(crc32c(&body.0).cast_signed());
        whole.0.extend_from_slice(&body.0);
        whole.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let mut batch = Batch::default();
        batch.push(7, b"k", &Record { id: "a", value: b"one", time_ms: 1000 });
        batch.push(9, b"k", &Record { id: "b", value: b"", time_ms: 998 });
        batch
    }

    #[test]
    fn a_batch_has_its_length_its_checksum_and_its_records() {
        let batch = batch();
        let bytes = batch.bytes();
        assert!(batch.numbers().eq([7, 9]));
        let length = i32::from_be_bytes(bytes[8..12].try_into().unwrap());
        assert_eq!(usize::try_from(length).unwrap(), bytes.len() - 12);
        assert_eq!(bytes[16], 2);
        let sum = u32::from_be_bytes(bytes[17..21].try_into().unwrap());
        assert_eq!(sum, crc32c(&bytes[21..]));
        assert_eq!(bytes[23..27], [0, 0, 0, 1], "the last one's place");
        assert_eq!(bytes[27..43], [1000_i64.to_be_bytes(), 1000_i64.to_be_bytes()].concat());
        assert_eq!(bytes[57..61], [0, 0, 0, 2], "how many");
        // Length, attributes, time, place, key, value, headers.
        let first = [30, 0, 0, 0, 2, b'k', 6, b'o', b'n', b'e', 2, 4, b'i', b'd', 2, b'a'];
        assert_eq!(bytes[61..77], first);
        let second = [24, 0, 3, 2, 2, b'k', 0, 2, 4, b'i', b'd', 2, b'b'];
        assert_eq!(bytes[77..], second);
    }

    #[test]
    fn a_batch_can_be_halved_until_it_is_a_record() {
        let whole = batch();
        let size = whole.size();
        let [one, other] = whole.halves();
        assert!(one.numbers().eq([7]) && other.numbers().eq([9]));
        assert_eq!(one.size() + other.size(), size);
        let bytes = other.bytes();
        assert_eq!(bytes[61..74], [24, 0, 0, 0, 2, b'k', 0, 2, 4, b'i', b'd', 2, b'b']);
    }
}
