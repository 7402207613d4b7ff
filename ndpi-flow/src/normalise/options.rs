//! The options of a TCP header that say whether its receiver reads it.

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const TIMESTAMPS: u8 = 8;
const MD5: u8 = 19;
const AUTHENTICATION: u8 = 29;

/// The largest shift of a window (RFC 7323, section 2.3).
pub(super) const LARGEST_SHIFT: u8 = 14;

/// What is to be known of the options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TcpOptions {
    /// The largest payload that the sender takes (RFC 9293, section 3.7.1); in a SYN only.
    pub(super) segment_size: Option<u16>,
    /// By how many bits the sender's windows are shifted (RFC 7323, section 2.2); in a SYN only.
    pub(super) window_shift: Option<u8>,
    /// The sender's clock (RFC 7323, section 3.2).
    pub(super) timestamp: Option<u32>,
    /// It is signed (RFC 2385, RFC 5925): a receiver that shares no key discards it.
    pub(super) signed: bool,
}

impl TcpOptions {
    /// Reads the options up to their end, or to the first that does not fit.
    pub(super) fn read(mut bytes: &[u8]) -> Self {
        let mut read = Self::default();
        while let [kind, rest @ ..] = bytes {
            match (*kind, rest.first()) {
                (END, _) => break,
                (NO_OPERATION, _) => bytes = rest,
                (kind, Some(&length)) => {
                    let Some(value) = bytes.get(2..usize::from(length)) else { break };
                    read.option(kind, value);
                    bytes = &bytes[usize::from(length)..];
                }
                (_, None) => break,
            }
        }
        read
    }

    fn option(&mut self, kind: u8, value: &[u8]) {
        match (kind, value) {
            (SEGMENT_SIZE, [high, low]) => {
                self.segment_size = Some(u16::from_be_bytes([*high, *low]));
            }
            (WINDOW_SCALE, [shift]) => self.window_shift = Some(*shift.min(&LARGEST_SHIFT)),
            (TIMESTAMPS, [a, b, c, d, ..]) if value.len() == 8 => {
                self.timestamp = Some(u32::from_be_bytes([*a, *b, *c, *d]));
            }
            (MD5 | AUTHENTICATION, _) => self.signed = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TcpOptions;

    #[test]
    fn options_are_read_behind_padding() {
        let read = TcpOptions::read(&[
            1, 1, 8, 10, 0, 0, 1, 2, 9, 9, 9, 9, 2, 4, 5, 0xb4, 3, 3, 7, 19, 2, 0,
        ]);
        let expected = TcpOptions {
            segment_size: Some(1460),
            window_shift: Some(7),
            timestamp: Some(0x102),
            signed: true,
        };
        assert_eq!(read, expected);
        assert_eq!(TcpOptions::read(&[3, 3, 200]).window_shift, Some(14));
    }

    #[test]
    fn reading_ends_at_what_does_not_fit() {
        for bytes in [&[0, 19, 2][..], &[8, 0], &[8, 1], &[19], &[8, 10, 1], &[3, 9, 7]] {
            assert_eq!(TcpOptions::read(bytes), TcpOptions::default(), "{bytes:?}");
        }
    }
}
