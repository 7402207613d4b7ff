//! Messages between the session and a child, by a socket that keeps them apart.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;

use ndpi_policy::InForce;
use rustix::io::{Errno, read, write};
use serde::{Deserialize, Serialize};

/// The longest message: what fits into a socket's buffer.
const LONGEST: usize = 128 << 10;

/// What a part of many bytes begins with, and the last part.
const PART: u8 = 1;
const LAST: u8 = 2;
/// What anything else begins with.
const WORD: u8 = 0;

/// What is said in one message.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Word {
    /// The session wants the policy at this path, in place of one that has this.
    Read(OsString, Option<InForce>),
    /// The child wants the file at this path, of so many bytes at most.
    File(OsString, u64),
    /// There is no such file, by this error of the system.
    NoFile(i32),
    /// Or for this reason.
    Unreadable(String),
}

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Word(Word),
    /// A part of a file, or of what reading came to, which is the last one or not.
    Part(Vec<u8>, bool),
}

/// One end of the socket.
#[derive(Debug)]
pub(super) struct Wire<S>(pub(super) S);

impl<S: AsFd> Wire<S> {
    pub(super) fn say(&self, word: &Word) -> io::Result<()> {
        let word = postcard::to_extend(word, vec![WORD]).map_err(io::Error::other)?;
        self.send(&word)
    }

    /// Sends bytes in parts.
    pub(super) fn send_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut parts = bytes.chunks(LONGEST - 1).peekable();
        if parts.peek().is_none() {
            return self.send(&[LAST]);
        }
        while let Some(part) = parts.next() {
            let kind = if parts.peek().is_some() { PART } else { LAST };
            self.send(&[&[kind], part].concat())?;
        }
        Ok(())
    }

    /// The next message; nothing where the other end is closed.
    pub(super) fn receive(&self) -> io::Result<Option<Message>> {
        let mut bytes = vec![0; LONGEST];
        let length = loop {
            match read(&self.0, &mut bytes) {
                Err(Errno::INTR) => {}
                length => break length?,
            }
        };
        bytes.truncate(length);
        match bytes.split_first() {
            None => Ok(None),
            Some((&WORD, word)) => {
                let word = postcard::from_bytes(word).map_err(io::Error::other)?;
                Ok(Some(Message::Word(word)))
            }
            Some((&(PART | LAST), part)) => {
                Ok(Some(Message::Part(part.to_vec(), bytes[0] == LAST)))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn send(&self, message: &[u8]) -> io::Result<()> {
        loop {
            match write(&self.0, message) {
                Err(Errno::INTR) => {}
                sent => return Ok(sent.map(drop)?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::post::pair;
    use super::*;

    #[test]
    fn what_is_sent_arrives_and_what_is_no_message_is_an_error() {
        let (one, other) = pair().unwrap();
        let (one, other) = (Wire(one), Wire(other));
        let words = [
            || Word::Read("/etc/policy".into(), Some(InForce::default())),
            || Word::File("list".into(), 7),
            || Word::NoFile(2),
            || Word::Unreadable("it is too long".into()),
        ];
        for word in words {
            one.say(&word()).unwrap();
            assert_eq!(other.receive().unwrap(), Some(Message::Word(word())));
        }
        one.send_all(&[]).unwrap();
        assert_eq!(other.receive().unwrap(), Some(Message::Part(Vec::new(), true)));
        one.send_all(&vec![7; LONGEST]).unwrap();
        let first = Message::Part(vec![7; LONGEST - 1], false);
        assert_eq!(other.receive().unwrap(), Some(first));
        assert_eq!(other.receive().unwrap(), Some(Message::Part(vec![7], true)));
        for nothing in [&[3_u8, 1][..], &[WORD, 9], &[WORD]] {
            one.send(nothing).unwrap();
            assert!(other.receive().is_err(), "{nothing:?}");
        }
        drop(one);
        assert_eq!(other.receive().unwrap(), None);
    }
}
