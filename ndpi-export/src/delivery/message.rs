//! Datagrams between the two ends, each with one thing in it, so that whoever takes over from a process that has died finds
//! whole ones.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};

/// A datagram at most; what sockets take by default is less.
pub(super) const LONGEST: usize = 256 * 1024;

/// What begins a datagram.
const START: u8 = b's';
const RECORD: u8 = b'r';
const READY: u8 = b'R';
const STORED: u8 = b'S';
const REFUSED: u8 = b'X';
const FAILED: u8 = b'F';

/// Two ends.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// What the courier is given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given<'a> {
    /// What comes from here on is all that was not confirmed: forget what came before.
    Start,
    /// A record and its number.
    Record(u64, &'a [u8]),
}

impl<'a> Given<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&START, []) => Some(Self::Start),
            (&RECORD, rest) => {
                let (number, frame) = rest.split_first_chunk()?;
                Some(Self::Record(u64::from_le_bytes(*number), frame))
            }
            _ => None,
        }
    }
}

/// The datagram that has everything begin again.
pub(super) const START_OVER: &[u8] = &[START];

/// The datagram with a record.
pub(super) fn record(number: u64, frame: &[u8]) -> Vec<u8> {
    [&[RECORD][..], &number.to_le_bytes(), frame].concat()
}

/// What the courier says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is connected, and has nothing.
    Ready,
    /// These are stored.
    Stored(Vec<u64>),
    /// This one never will be, and why.
    Refused(u64, String),
    /// It cannot deliver anything now, and why.
    Failed(String),
}

impl Told {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match bytes.split_first()? {
            (&READY, []) => Some(Self::Ready),
            (&STORED, rest) => {
                let (numbers, []) = rest.as_chunks() else { return None };
                Some(Self::Stored(numbers.iter().copied().map(u64::from_le_bytes).collect()))
            }
            (&REFUSED, rest) => {
                let (number, why) = rest.split_first_chunk()?;
                Some(Self::Refused(u64::from_le_bytes(*number), text(why)))
            }
            (&FAILED, why) => Some(Self::Failed(text(why))),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Ready => vec![READY],
            Self::Stored(numbers) => {
                let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
                [STORED].into_iter().chain(numbers).collect()
            }
            Self::Refused(number, why) => {
                [&[REFUSED][..], &number.to_le_bytes(), why.as_bytes()].concat()
            }
            Self::Failed(why) => [&[FAILED][..], why.as_bytes()].concat(),
        }
    }
}

/// What an instance makes of a datagram of a courier, as it would be sent again; `None` where that says nothing. For those
/// who try whatever bytes.
pub fn courier_said(bytes: &[u8]) -> Option<Vec<u8>> {
    Told::read(bytes).map(|told| told.bytes())
}

/// Sends a datagram without waiting; false where there is no room for it now.
pub(super) fn try_send(socket: impl AsFd, bytes: &[u8]) -> io::Result<bool> {
    loop {
        match send(&socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::NOBUFS) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes a datagram without waiting; `None` where there is none now, and one of no bytes at the end.
pub(super) fn try_receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Option<&[u8]>> {
    loop {
        match recv(&socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((length, _)) => return Ok(Some(&buffer[..length])),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            // The other process has died with something unread.
            Err(rustix::io::Errno::CONNRESET) => return Ok(Some(&[])),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_as_it_was_meant() {
        for told in [
            Told::Ready,
            Told::Stored(vec![1, u64::MAX]),
            Told::Refused(7, "too long".into()),
            Told::Failed("nobody listens".into()),
        ] {
            assert_eq!(Told::read(&told.bytes()), Some(told));
        }
        assert_eq!(Given::read(START_OVER), Some(Given::Start));
        assert_eq!(Given::read(&record(9, b"flow 1\n{}")), Some(Given::Record(9, b"flow 1\n{}")));
        for wrong in [&b""[..], b"s!", b"r123", b"S1234567", b"?"] {
            assert_eq!((Given::read(wrong), Told::read(wrong)), (None, None), "{wrong:?}");
        }
    }
}
