//! A client hello that is too long to be kept, of which what nDPI reads is kept.
//!
//! Servers take more than 100 KiB of it, and what names them may be its last extension.

use super::kind::{Message, Whole};
use super::server_name::{MESSAGE_HEADER, long_server_name};
use super::tls::{RECORD_HEADER, Record};

/// The extensions that nDPI reads and real clients send: server name, groups, point formats, signatures, protocols,
/// versions, modes of keys, shares of keys, parameters of QUIC.
const KEPT: [u16; 9] = [0, 10, 11, 13, 16, 43, 45, 51, 57];
/// The longest list that is kept as it is: of longer ones the beginning is.
const LONGEST_LIST: usize = 1 << 10;
/// So much of longer ones.
const BEGINNING: usize = 64;
/// What is before the lists: the header, the version and the random bytes.
const FIXED: usize = MESSAGE_HEADER + 2 + 32;
/// Other extensions are emptied, so that fingerprints know of them, and left out behind so many bytes.
const MOST_LISTED: usize = 3 << 10;
/// So much is kept of a hello that is as it should be, and more is not.
const MOST_KEPT: usize = 6 << 10;

/// The lists of a hello, in their order (RFC 8446, section 4.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum List {
    #[default]
    Session,
    Ciphers,
    Compression,
    /// How long all extensions are together.
    Total,
    Extension,
}

/// What was read of it.
#[derive(Debug, Default)]
pub(in super::super) struct LongHello {
    /// Bytes of which the record is not there yet, or of its header.
    record: Vec<u8>,
    /// What is kept of the message: up to `read` as it will be emitted, and behind that as it came.
    message: Vec<u8>,
    read: usize,
    list: List,
    /// Bytes of the message that came, and that are of no interest before others are.
    came: usize,
    skipped: usize,
    /// How long the message is, with its header.
    length: usize,
    /// Where the extensions begin.
    extensions: usize,
}

impl LongHello {
    /// Takes what comes next of the stream.
    pub(in super::super) fn take(&mut self, bytes: &[u8]) -> Message {
        self.record.extend_from_slice(bytes);
        while let Some(record) = Record::at(&self.record, 0) {
            if !record.fits() {
                return Message::Foreign;
            }
            let part = if record.is_handshake() { record.bytes.to_vec() } else { Vec::new() };
            let (is_whole, rest) = (record.is_whole(), record.length - record.bytes.len());
            let behind = self.record.split_off(RECORD_HEADER + record.bytes.len());
            self.takes_message(&part);
            if self.message.len() > MOST_KEPT {
                return Message::Foreign;
            }
            if self.length > 0 && self.came >= self.length {
                return self.so_far();
            }
            if !is_whole {
                // What comes next goes on with this record.
                let Ok(rest) = u16::try_from(rest) else { return Message::Foreign };
                self.record.truncate(RECORD_HEADER);
                self.record[3..].copy_from_slice(&rest.to_be_bytes());
                break;
            }
            self.record = behind;
        }
        Message::Unfinished
    }

    /// How many bytes it keeps.
    pub(in super::super) fn kept(&self) -> usize {
        self.record.len() + self.message.len()
    }

    /// The hello as far as it came, in one record.
    pub(in super::super) fn so_far(&self) -> Message {
        if self.list != List::Extension {
            return Message::Foreign;
        }
        let mut message = self.message[..self.read].to_vec();
        let behind = self.extensions + 2;
        put(&mut message[1..MESSAGE_HEADER], self.read - MESSAGE_HEADER);
        put(&mut message[self.extensions..behind], self.read - behind);
        let long_name = long_server_name(&message);
        let mut bytes = vec![super::tls::HANDSHAKE, 3, 1, 0, 0];
        put(&mut bytes[3..], message.len());
        bytes.extend(message);
        let length = bytes.len();
        Message::Whole(Whole {
            length,
            rewritten: Some(bytes),
            is_nameless: false,
            is_simple: false,
            long_name,
            finding: None,
        })
    }

    fn takes_message(&mut self, part: &[u8]) {
        self.came += part.len();
        let skipped = self.skipped.min(part.len());
        self.skipped -= skipped;
        self.message.extend_from_slice(&part[skipped..]);
        if let Some(&[_, high, middle, low]) = self.message.first_chunk()
            && self.length == 0
        {
            self.length = MESSAGE_HEADER + u32::from_be_bytes([0, high, middle, low]) as usize;
        }
        while self.next_list().is_some() {}
    }

    /// Reads the next list, if it is there.
    fn next_list(&mut self) -> Option<()> {
        let at = self.read.max(FIXED);
        let (kind, length, next) = match self.list {
            List::Session => (0, 1, List::Ciphers),
            List::Ciphers => (0, 2, List::Compression),
            List::Compression => (0, 1, List::Total),
            List::Total => {
                self.message.get(at..at + 2)?;
                (self.extensions, self.read, self.list) = (at, at + 2, List::Extension);
                return Some(());
            }
            List::Extension => (2, 2, List::Extension),
        };
        let begin = at + kind + length;
        let header = self.message.get(at..begin)?;
        let whole = number(&header[kind..]);
        let is_kept =
            kind == 0 || KEPT.iter().any(|it| usize::from(*it) == number(&header[..kind]));
        let is_listed = is_kept || at < MOST_LISTED;
        let kept = match whole {
            _ if !is_kept => 0,
            0..=LONGEST_LIST => whole,
            _ => BEGINNING,
        };
        let first = if is_listed { begin } else { at };
        // All that is kept of it has to be there.
        self.message.get(begin..begin + kept)?;
        put(&mut self.message[at + kind..begin], kept);
        let end = (begin + whole).min(self.message.len());
        self.skipped = begin + whole - end;
        self.message.drain(first + kept..end);
        (self.read, self.list) = (first + kept, next);
        Some(())
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// Writes a number over all of `field`, which has room for it.
fn put(field: &mut [u8], number: usize) {
    let bytes = number.to_be_bytes();
    field.copy_from_slice(&bytes[bytes.len() - field.len()..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = b"\0\x12\0\0\x0fwww.example.org";

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        [&kind.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
    }

    /// A hello with these ciphers and extensions.
    fn hello(ciphers: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
        let extensions = extensions.concat();
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let body = [
            &[3, 3][..],
            &[7; 32],
            &[0],
            &length(ciphers),
            ciphers,
            &[1, 0],
            &length(&extensions),
            &extensions,
        ]
        .concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let one = |part: &[u8]| {
            let length = u16::try_from(part.len()).unwrap().to_be_bytes();
            [&[22, 3, 1][..], &length, part].concat()
        };
        message.chunks(size).flat_map(one).collect()
    }

    /// What is made of a stream that comes in segments of this size.
    fn read(stream: &[u8], segment: usize) -> Message {
        let mut hello = LongHello::default();
        for part in stream.chunks(segment) {
            let message = hello.take(part);
            assert!(hello.kept() <= 16 << 10, "{}", hello.kept());
            if message != Message::Unfinished {
                return message;
            }
        }
        hello.so_far()
    }

    fn rewritten(message: Message) -> Vec<u8> {
        match message {
            Message::Whole(whole) => whole.rewritten.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_names_the_server_is_kept_wherever_it_is() {
        let (name, padding) = (extension(0, NAME), extension(21, &vec![0; 30_000]));
        for is_last in [true, false] {
            let both = |one: &[u8], other: &[u8]| {
                if is_last {
                    vec![one.to_vec(), other.to_vec()]
                } else {
                    vec![other.to_vec(), one.to_vec()]
                }
            };
            let long = hello(&[0x13, 1], &both(&padding, &name));
            let short = records(&hello(&[0x13, 1], &both(&extension(21, &[]), &name)), 1000);
            for (record, segment) in [(16_000, 1400), (900, 1400), (16_000, 100_000), (37, 11)] {
                assert_eq!(rewritten(read(&records(&long, record), segment)), short);
            }
        }
    }

    #[test]
    fn a_hello_is_read_as_far_as_it_came() {
        let (name, padding) = (extension(0, NAME), extension(21, &vec![0; 60_000]));
        let short = records(&hello(&[0x13, 1], &[name.clone(), extension(21, &[])]), 1000);
        let long = records(&hello(&[0x13, 1], &[name, padding]), 16_000);
        assert_eq!(rewritten(read(&long[..20_000], 1400)), short);
        assert_eq!(read(&long[..30], 1400), Message::Foreign);
    }

    #[test]
    fn many_extensions_and_long_lists_take_no_room() {
        let mut extensions = vec![extension(0xfafa, &[]); 10_000];
        extensions.push(extension(0, NAME));
        let ciphers = [0x13, 1].repeat(4_000);
        let read = rewritten(read(&records(&hello(&ciphers, &extensions), 16_000), 1400));
        assert!(read.ends_with(NAME) && read.len() < MOST_LISTED + 100, "{}", read.len());
    }

    #[test]
    fn what_cannot_be_shortened_is_not_kept() {
        let extensions: Vec<_> = (0..20).map(|_| extension(51, &[1; 1000])).collect();
        let stream = records(&hello(&[0x13, 1], &extensions), 16_000);
        assert_eq!(read(&stream, 1400), Message::Foreign);
        let mut other = records(&hello(&[0x13, 1], &[extension(21, &vec![0; 30_000])]), 1000);
        other[1005] = 23;
        assert_eq!(read(&other, 1400), Message::Foreign);
    }
}
