//! Datagrams between the follower and its instance. A policy may be longer than one, and comes in several.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use serde::{Deserialize, Serialize};

/// A datagram at most; what sockets take by default is less.
pub(super) const LONGEST: usize = 128 * 1024;

/// A policy at most: more than servers take by default.
const LONGEST_POLICY: usize = 8 << 20;

/// What the follower says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Said {
    /// It is connected.
    Connected,
    /// It is not, or no longer, and why.
    Failed(String),
    /// Nobody asks for any policy.
    Nothing,
    /// This one is asked for; its text follows, in pieces.
    Policy { key: String, revision: u64, length: usize },
}

/// What an instance makes of what the follower says, which is checked like a packet.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// A policy of which pieces are missing.
    begun: Option<(String, u64, usize)>,
    text: Vec<u8>,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Connected,
    Failed(String),
    Nothing,
    Policy { key: String, revision: u64, text: Vec<u8> },
}

impl Reader {
    /// Takes a datagram: what is whole with it, if anything is. What is none, or too long, is an error.
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<Option<Read>> {
        if let Some((_, _, length)) = &self.begun
            && let Some((&PIECE, piece)) = bytes.split_first()
        {
            self.text.extend_from_slice(piece);
            return match self.text.len().cmp(length) {
                std::cmp::Ordering::Greater => Err(wrong("a policy that is longer than it said")),
                std::cmp::Ordering::Less => Ok(None),
                std::cmp::Ordering::Equal => Ok(self.whole()),
            };
        }
        // One that was begun by a follower that has died is none.
        self.begun = None;
        self.text.clear();
        Ok(match serde_json::from_slice(bytes)? {
            Said::Connected => Some(Read::Connected),
            Said::Failed(why) => Some(Read::Failed(why)),
            Said::Nothing => Some(Read::Nothing),
            Said::Policy { length, .. } if length > LONGEST_POLICY => {
                return Err(wrong("a policy that is too long"));
            }
            Said::Policy { key, revision, length } => {
                self.begun = Some((key, revision, length));
                if length == 0 { self.whole() } else { None }
            }
        })
    }

    fn whole(&mut self) -> Option<Read> {
        let text = std::mem::take(&mut self.text);
        self.begun.take().map(|(key, revision, _)| Read::Policy { key, revision, text })
    }
}

/// The policies that an instance takes from datagrams of a follower, with their keys and revisions, until one says what it
/// may not. For those who try whatever bytes.
pub fn follower_said<'a>(
    datagrams: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<(String, u64, Vec<u8>)> {
    let mut reader = Reader::default();
    let said = datagrams.into_iter().map_while(|bytes| reader.take(bytes).ok());
    let policies = said.filter_map(|read| match read {
        Some(Read::Policy { key, revision, text }) => Some((key, revision, text)),
        _ => None,
    });
    policies.collect()
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What begins a piece of a policy. JSON begins with something else.
const PIECE: u8 = 0;

/// Two ends.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Says something, and waits until there is room for it.
pub(super) fn say(socket: impl AsFd, said: &Said) -> io::Result<()> {
    give(socket, &serde_json::to_vec(said)?)
}

/// The same of a policy.
pub(super) fn say_policy(
    socket: impl AsFd,
    key: &str,
    revision: u64,
    text: &[u8],
) -> io::Result<()> {
    if text.len() > LONGEST_POLICY {
        let why = format!("{key} has more than {} MiB", LONGEST_POLICY >> 20);
        return say(socket, &Said::Failed(why));
    }
    let (key, length) = (key.to_owned(), text.len());
    say(&socket, &Said::Policy { key, revision, length })?;
    let mut pieces = text.chunks(LONGEST - 1);
    pieces.try_for_each(|piece| give(&socket, &[&[PIECE], piece].concat()))
}

/// Sends a datagram.
pub(super) fn give(socket: impl AsFd, bytes: &[u8]) -> io::Result<()> {
    loop {
        match send(&socket, bytes, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The next datagram; one of no bytes at the end.
pub(super) fn taken(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<&[u8]> {
    loop {
        match recv(&socket, &mut *buffer, RecvFlags::empty()) {
            Ok((length, _)) => return Ok(&buffer[..length]),
            Err(rustix::io::Errno::INTR) => {}
            // The other process has died with something unread.
            Err(rustix::io::Errno::CONNRESET) => return Ok(&[]),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_policy_of_any_length_comes_as_it_was() {
        let (one, other) = pair().unwrap();
        let texts = [0, 1, LONGEST, 3 * LONGEST + 7].map(|length| vec![b'x'; length]);
        let sent = texts.clone();
        let writer = thread::spawn(move || {
            for (revision, text) in sent.iter().enumerate() {
                say_policy(&one, "site.n", revision as u64, text).unwrap();
            }
            say_policy(&one, "site.n", 9, &vec![b'x'; LONGEST_POLICY + 1]).unwrap();
        });
        let (mut reader, mut read, mut buffer) = (Reader::default(), Vec::new(), vec![0; LONGEST]);
        loop {
            let bytes = taken(&other, &mut buffer).unwrap();
            if bytes.is_empty() {
                break;
            }
            read.extend(reader.take(bytes).unwrap());
        }
        writer.join().unwrap();
        let expected = |(revision, text): (usize, Vec<u8>)| Read::Policy {
            key: "site.n".into(),
            revision: revision as u64,
            text,
        };
        let mut expected: Vec<_> = texts.into_iter().enumerate().map(expected).collect();
        expected.push(Read::Failed("site.n has more than 8 MiB".into()));
        assert_eq!(read, expected);
    }

    #[test]
    fn what_a_follower_may_not_say_is_an_error_and_what_it_left_undone_is_forgotten() {
        let policy = |length| {
            let said = Said::Policy { key: "k".into(), revision: 1, length };
            serde_json::to_vec(&said).unwrap()
        };
        let mut reader = Reader::default();
        assert!(reader.take(b"nonsense").is_err());
        assert!(reader.take(&policy(LONGEST_POLICY + 1)).is_err());
        assert!(reader.take(&[PIECE, b'x']).is_err(), "a piece of nothing");
        assert_eq!(reader.take(&policy(2)).unwrap(), None);
        assert!(reader.take(&[PIECE, b'x', b'x', b'x']).is_err());
        let mut reader = Reader::default();
        assert_eq!(reader.take(&policy(2)).unwrap(), None);
        assert_eq!(reader.take(&[PIECE, b'x']).unwrap(), None);
        assert_eq!(reader.take(br#""connected""#).unwrap(), Some(Read::Connected));
        assert_eq!(reader.take(&policy(1)).unwrap(), None);
        let read = reader.take(&[PIECE, b'y']).unwrap();
        assert_eq!(read, Some(Read::Policy { key: "k".into(), revision: 1, text: b"y".into() }));
    }
}
