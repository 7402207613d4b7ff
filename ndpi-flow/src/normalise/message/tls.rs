//! A client hello (RFC 8446, section 4.1.2) that may be cut into several records (section 5.1).

use ndpi_labels::Finding;

use super::kind::{Message, Whole};
use super::server_name::{MESSAGE_HEADER, long_server_name};

/// The content type of handshake records.
pub(super) const HANDSHAKE: u8 = 22;
/// The content type of alerts. Some servers pass over one that only warns, wherever it is.
pub(super) const ALERT: u8 = 21;
const ALERT_LENGTH: usize = 2;
const MAJOR_VERSION: u8 = 3;
const CLIENT_HELLO: u8 = 1;
pub(super) const RECORD_HEADER: usize = 5;
/// The largest fragment of a record (RFC 8446, section 5.1, with what section 5.2 adds).
const LARGEST_RECORD: usize = (1 << 14) + 256;
/// Hellos of more bytes than this are shortened.
const LARGEST_HELLO: usize = 6 << 10;

/// Reads a stream that begins with a handshake record.
pub(super) fn read(bytes: &[u8]) -> Message {
    let mut hello = Hello::default();
    let mut at = 0;
    while let Some(record) = Record::at(bytes, at) {
        hello.records += 1;
        let had = hello.bytes.len();
        if record.is_handshake() {
            hello.bytes.extend_from_slice(record.bytes);
        }
        if !record.fits() || !hello.begins_well() {
            return Message::Foreign;
        }
        match hello.length() {
            Some(length) if length > LARGEST_HELLO => return Message::Long,
            Some(length) if hello.bytes.len() >= length => {
                let used = length - had;
                return hello.joined(bytes, length, &record, (at + RECORD_HEADER, used));
            }
            _ => {}
        }
        if !record.is_whole() {
            return Message::Unfinished;
        }
        at += RECORD_HEADER + record.length;
    }
    if bytes.get(1).is_some_and(|&version| version != MAJOR_VERSION) {
        return Message::Foreign;
    }
    Message::Unfinished
}

/// A record, as far as it is there.
pub(super) struct Record<'a> {
    header: &'a [u8; RECORD_HEADER],
    pub(super) length: usize,
    pub(super) bytes: &'a [u8],
}

impl<'a> Record<'a> {
    pub(super) fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        let (header, rest) = bytes.get(at..)?.split_first_chunk::<RECORD_HEADER>()?;
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        Some(Self { header, length, bytes: &rest[..length.min(rest.len())] })
    }

    /// Whether it may come in a hello, as far as its header says.
    pub(super) fn fits(&self) -> bool {
        let largest = if self.is_handshake() { LARGEST_RECORD } else { ALERT_LENGTH };
        matches!(self.header[0], HANDSHAKE | ALERT)
            && self.header[1] == MAJOR_VERSION
            && self.length <= largest
    }

    pub(super) fn is_handshake(&self) -> bool {
        self.header[0] == HANDSHAKE
    }

    pub(super) fn is_whole(&self) -> bool {
        self.bytes.len() == self.length
    }
}

/// What was read of a hello.
#[derive(Default)]
struct Hello {
    bytes: Vec<u8>,
    records: usize,
}

impl Hello {
    fn begins_well(&self) -> bool {
        self.bytes.first().is_none_or(|&kind| kind == CLIENT_HELLO)
    }

    /// How many bytes it has with its header, once that is known.
    fn length(&self) -> Option<usize> {
        let [_, high, middle, low] = *self.bytes.first_chunk::<MESSAGE_HEADER>()?;
        Some(MESSAGE_HEADER + (u32::from_be_bytes([0, high, middle, low]) as usize))
    }

    /// The hello of `length` bytes in one record, and what follows it in `all`. The payload of its last record,
    /// `last`, is at `at`; the first `used` bytes of that are of the hello.
    fn joined(
        &self,
        all: &[u8],
        length: usize,
        last: &Record,
        (at, used): (usize, usize),
    ) -> Message {
        let long_name = long_server_name(&self.bytes[..length]);
        let whole = Whole { long_name, ..Whole::of_all(all) };
        if self.records == 1 {
            return Message::Whole(whole);
        }
        let mut bytes = record_header(last, length);
        bytes.extend_from_slice(&self.bytes[..length]);
        if last.length > used {
            bytes.extend(record_header(last, last.length - used));
        }
        bytes.extend_from_slice(&all[at + used..]);
        let finding = Some(Finding::SplitRecords);
        Message::Whole(Whole { rewritten: Some(bytes), finding, ..whole })
    }
}

fn record_header(like: &Record, length: usize) -> Vec<u8> {
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    [&like.header[..3], &length].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(message: &[u8], cuts: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut from = 0;
        for to in cuts.iter().copied().chain([message.len()]) {
            let part = &message[from..to];
            bytes.extend([22, 3, 1, 0, u8::try_from(part.len()).unwrap()]);
            bytes.extend(part);
            from = to;
        }
        bytes
    }

    const HELLO: &[u8] = &[1, 0, 0, 6, 3, 3, b'n', b'a', b'm', b'e'];

    /// What was made of a hello that is whole; `None` where nothing had to be.
    fn rewritten(bytes: &[u8]) -> Option<Vec<u8>> {
        let Message::Whole(whole) = read(bytes) else { panic!("{bytes:?}") };
        let finding = whole.rewritten.is_some().then_some(Finding::SplitRecords);
        assert_eq!((whole.length, whole.finding), (bytes.len(), finding));
        whole.rewritten
    }

    #[test]
    fn one_record_is_left_as_it_is() {
        assert_eq!(rewritten(&records(HELLO, &[])), None);
    }

    #[test]
    fn any_records_are_joined_into_one() {
        for first in 0..=HELLO.len() {
            for second in first..=HELLO.len() {
                let cut = records(HELLO, &[first, second]);
                if first == HELLO.len() {
                    assert_eq!(rewritten(&cut), None);
                    continue;
                }
                let bytes = rewritten(&cut).unwrap_or_else(|| panic!("{first} {second}"));
                assert_eq!(bytes[..15], records(HELLO, &[]));
            }
        }
    }

    #[test]
    fn warnings_are_passed_over() {
        let warning = [21, 3, 1, 0, 2, 1, 90];
        let parts = records(HELLO, &[4]);
        let (first, second) = parts.split_at(9);
        for bytes in [[&warning, first, second].concat(), [first, &warning, second].concat()] {
            for length in 1..bytes.len() {
                assert_eq!(read(&bytes[..length]), Message::Unfinished, "{length}");
            }
            assert_eq!(rewritten(&bytes).as_deref(), Some(&records(HELLO, &[])[..]));
        }
    }

    #[test]
    fn what_follows_a_hello_follows_it_still() {
        let two = [HELLO, &[11, 0, 0, 1, 7]].concat();
        let mut bytes = records(&two, &[3]);
        bytes.extend([23, 3, 3, 0, 1, 9]);
        let bytes = rewritten(&bytes).unwrap();
        let mut expected = records(&two, &[HELLO.len()]);
        expected.extend([23, 3, 3, 0, 1, 9]);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_beginning_may_become_one() {
        let bytes = records(HELLO, &[2, 5]);
        for length in 1..bytes.len() {
            assert_eq!(read(&bytes[..length]), Message::Unfinished, "{length}");
        }
    }

    #[test]
    fn a_hello_that_is_too_long_to_be_kept_is_known() {
        assert_eq!(read(&[22, 3, 1, 0, 200, 1, 0, 0x40, 0]), Message::Long);
    }

    #[test]
    fn other_records_are_foreign() {
        let mut server_hello = records(HELLO, &[]);
        server_hello[5] = 2;
        let mut other_between = records(HELLO, &[4]);
        other_between[9] = 23;
        for bytes in [&server_hello[..], &other_between, &[22, 4], &[22, 3, 1, 0xff, 0]] {
            assert_eq!(read(bytes), Message::Foreign, "{bytes:?}");
        }
    }
}
