//! Messages from a set's process to the one that forked it: frames on a pipe, each a kind, a length and
//! bytes.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::captures::CaptureResults;
use crate::locked::locked;

/// Bytes of a frame at most: both ends' buffers stay small.
const LONGEST: usize = 64 << 10;
const HEADER: usize = 5;

const OUTPUT: u8 = 0;
const READ: u8 = 1;
const OUTCOME: u8 = 2;
const FAILED: u8 = 3;

/// One thing said.
#[derive(Debug)]
pub(super) enum Message {
    /// Records.
    Output(Vec<u8>),
    /// So many bytes of its captures were read.
    Read(u64),
    /// It is done, and this came of it.
    CaptureResults(Box<CaptureResults>),
    /// It cannot go on, for this reason.
    Failed(String),
}

/// The writing end. What is written to it as to a file is output.
#[derive(Clone, Debug)]
pub(super) struct Sender(Arc<Mutex<File>>);

impl Sender {
    pub(super) fn new(pipe: File) -> Self {
        Self(Arc::new(Mutex::new(pipe)))
    }

    pub(super) fn read(&self, bytes: u64) -> io::Result<()> {
        self.send(READ, &bytes.to_le_bytes())
    }

    pub(super) fn outcome(&self, outcome: &CaptureResults) -> io::Result<()> {
        self.long(OUTCOME, &serde_json::to_vec(outcome)?)
    }

    pub(super) fn failed(&self, reason: &str) -> io::Result<()> {
        self.long(FAILED, reason.as_bytes())
    }

    /// Sends what may be longer than a frame; an empty frame ends it.
    fn long(&self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(LONGEST).try_for_each(|part| self.send(kind, part))?;
        self.send(kind, &[])
    }

    fn send(&self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut frame = Vec::with_capacity(HEADER + bytes.len());
        frame.push(kind);
        frame.extend(length.to_le_bytes());
        frame.extend(bytes);
        locked(&self.0).write_all(&frame)
    }
}

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = &bytes[..bytes.len().min(LONGEST)];
        self.send(OUTPUT, part).map(|()| part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts messages together from what comes out of the pipe.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    bytes: Vec<u8>,
    long: Vec<u8>,
}

impl Receiver {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message that is whole.
    pub(super) fn next(&mut self) -> io::Result<Option<Message>> {
        while let Some((kind, bytes)) = self.frame() {
            match kind {
                OUTPUT => return Ok(Some(Message::Output(bytes))),
                READ => {
                    let read = bytes.first_chunk().map_or(0, |read| u64::from_le_bytes(*read));
                    return Ok(Some(Message::Read(read)));
                }
                kind if bytes.is_empty() => return self.end_of_long(kind).map(Some),
                _ => self.long.extend(bytes),
            }
        }
        Ok(None)
    }

    fn end_of_long(&mut self, kind: u8) -> io::Result<Message> {
        let bytes = std::mem::take(&mut self.long);
        Ok(match kind {
            OUTCOME => Message::CaptureResults(Box::new(serde_json::from_slice(&bytes)?)),
            _ => Message::Failed(String::from_utf8_lossy(&bytes).into_owned()),
        })
    }

    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let [kind, length @ ..]: [u8; HEADER] = *self.bytes.first_chunk()?;
        let end = HEADER + usize::try_from(u32::from_le_bytes(length)).ok()?;
        let frame = self.bytes.get(HEADER..end)?.to_vec();
        self.bytes.drain(..end);
        Some((kind, frame))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, Write as _};

    use super::{Message, Receiver, Sender};
    use crate::captures::CaptureResults;
    use crate::report::CaptureReport;

    #[test]
    fn what_is_said_arrives_however_it_is_cut() {
        let mut file = tempfile::tempfile().unwrap();
        let mut sender = Sender::new(file.try_clone().unwrap());
        let output = vec![7; 200_000];
        sender.read(1 << 40).unwrap();
        sender.write_all(&output).unwrap();
        let report = CaptureReport { name: "x".repeat(100_000), packets: 3, ..Default::default() };
        sender.outcome(&CaptureResults { captures: vec![report], ..Default::default() }).unwrap();
        sender.failed("a reason").unwrap();
        let mut said = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut said).unwrap();
        for step in [1000, 65_537, said.len()] {
            let (mut receiver, mut arrived, mut others) =
                (Receiver::default(), Vec::new(), Vec::new());
            for part in said.chunks(step) {
                receiver.feed(part);
                while let Some(message) = receiver.next().unwrap() {
                    match message {
                        Message::Output(bytes) => arrived.extend(bytes),
                        message => others.push(message),
                    }
                }
            }
            assert_eq!(arrived, output);
            let [Message::Read(read), Message::CaptureResults(outcome), Message::Failed(reason)] =
                &others[..]
            else {
                panic!("{others:?}")
            };
            assert_eq!((*read, outcome.captures[0].packets, &**reason), (1 << 40, 3, "a reason"));
        }
    }
}
