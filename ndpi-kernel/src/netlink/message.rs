//! Netlink messages: built, exchanged with the kernel, taken apart (`linux/netlink.h`).

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{connect, recv, send, socket_with};

/// `NLM_F_REQUEST | NLM_F_ACK`: do it and say so.
pub(super) const DO: u16 = 0x1 | 0x4;
/// `NLM_F_REQUEST | NLM_F_DUMP`: give all there are.
pub(super) const DUMP: u16 = 0x1 | 0x300;

/// `NLM_F_DUMP_INTR`: what was to be given changed meanwhile, and something may be missing.
const CHANGED: u16 = 0x10;
/// How often a dump is asked for in which something changes each time.
const TRIES: usize = 16;

const ERROR: u16 = 2;
const DONE: u16 = 3;
const HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// The bits of an attribute's type that are no flags.
const TYPE_MASK: u16 = 0x3fff;
/// The kernel fills at most this much at once.
const BUFFER: usize = 64 << 10;

/// The type and payload of each message that the kernel answers with.
pub(super) type Answers = Vec<(u16, Vec<u8>)>;

/// A request being built.
pub(super) struct Request(Vec<u8>);

impl Request {
    /// A request of this type, whose fixed part is `fixed`.
    pub(super) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(fixed);
        Self(bytes)
    }

    /// Adds an attribute; its payload may be attributes, see [`attribute`].
    pub(super) fn with(mut self, kind: u16, payload: &[u8]) -> Self {
        self.0.extend(attribute(kind, payload));
        self
    }

    /// Sends it to rtnetlink(7) and gives what the kernel answers: of a dump, all that there is, as it
    /// was at one moment.
    pub(super) fn exchange(self) -> io::Result<Answers> {
        // No protocol is `NETLINK_ROUTE`.
        self.exchange_with(None)
    }

    /// As [`Request::exchange`], with another part of the kernel.
    pub(super) fn exchange_with(mut self, protocol: Option<Protocol>) -> io::Result<Answers> {
        let len = u32::try_from(self.0.len()).map_err(io::Error::other)?;
        self.0[..4].copy_from_slice(&len.to_ne_bytes());
        for _ in 0..TRIES {
            let socket = open(protocol)?;
            send(&socket, &self.0, SendFlags::empty())?;
            let receive = |buffer: &mut [u8]| Ok(recv(&socket, buffer, RecvFlags::empty())?.0);
            if let Some(answers) = answers(receive)? {
                return Ok(answers);
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }
}

/// The answers to a request; `None` where they changed while they were given.
fn answers(mut receive: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<Option<Answers>> {
    let (mut answers, mut changed) = (Vec::new(), false);
    let mut buffer = vec![0; BUFFER];
    loop {
        let len = receive(&mut buffer)?;
        for Message { kind, flags, payload } in messages(&buffer[..len]) {
            changed |= flags & CHANGED != 0;
            match kind {
                DONE => return Ok((!changed).then_some(answers)),
                ERROR => return result(payload).map(|()| Some(answers)),
                _ => answers.push((kind, payload.to_vec())),
            }
        }
    }
}

fn open(protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
    connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    Ok(socket)
}

/// What an error message says; error 0 is an acknowledgement.
fn result(payload: &[u8]) -> io::Result<()> {
    match read_u32(payload) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.cast_signed().wrapping_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// An attribute with its header, padded as the next one needs it.
pub(super) fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(ATTRIBUTE_HEADER + payload.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(usize::from(len).next_multiple_of(4));
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A message of the kernel's.
struct Message<'a> {
    kind: u16,
    flags: u16,
    payload: &'a [u8],
}

/// Each message in what was received.
fn messages(mut rest: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let len = read_u32(rest)? as usize;
        let (kind, flags) = (read_u16(rest.get(4..)?)?, read_u16(rest.get(6..)?)?);
        let payload = rest.get(HEADER..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Message { kind, flags, payload })
    })
}

/// The type and payload of each attribute.
pub(super) fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from(read_u16(rest)?);
        let kind = read_u16(rest.get(2..)?)? & TYPE_MASK;
        let payload = rest.get(ATTRIBUTE_HEADER..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, payload))
    })
}

/// The payload of the first attribute of this type.
pub(super) fn find(attributes_: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(attributes_).find_map(|(found, payload)| (found == kind).then_some(payload))
}

/// The 64-bit number at the start.
pub(super) fn long(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

/// The 32-bit number at the start.
pub(super) fn read_u32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// The text up to its zero byte.
pub(super) fn read_cstr(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// The 16-bit number at the start.
pub(super) fn read_u16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_come_back_out() {
        let nested = attribute(2, &[7]);
        let bytes = [attribute(1, b"veth0\0"), attribute(3 | 0x8000, &nested)].concat();
        let found: Vec<_> = attributes(&bytes).collect();
        assert_eq!(found, [(1, &b"veth0\0"[..]), (3, &nested[..])]);
        assert_eq!(read_cstr(find(&bytes, 1).unwrap()), "veth0");
        assert_eq!(find(find(&bytes, 3).unwrap(), 2), Some(&[7][..]));
        assert_eq!(find(&bytes, 9), None);
    }

    #[test]
    fn lengths_that_lie_end_the_walk() {
        let mut bytes = attribute(1, &[1, 2, 3, 4]);
        for len in [0u16, 1, 3, 9, u16::MAX] {
            bytes[..2].copy_from_slice(&len.to_ne_bytes());
            assert_eq!(attributes(&bytes).count(), 0, "length {len}");
        }
        assert_eq!(messages(&[1, 0, 0, 0, 0, 0]).count(), 0);
    }

    fn message(kind: u16, flags: u16) -> Vec<u8> {
        let mut bytes = Request::new(kind, flags, &[7; 4]).0;
        let len = u32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&len.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_dump_in_which_something_changed_counts_for_nothing() {
        let dump = |flags: [u16; 3]| {
            let mut parts = [message(16, flags[0]), message(16, flags[1]), message(DONE, flags[2])];
            parts.reverse();
            let mut parts = parts.to_vec();
            let receive = |buffer: &mut [u8]| {
                let part = parts.pop().unwrap();
                buffer[..part.len()].copy_from_slice(&part);
                Ok(part.len())
            };
            answers(receive).unwrap().map(|answers| answers.len())
        };
        assert_eq!(dump([2, 2, 2]), Some(2));
        for at in 0..3 {
            let mut flags = [2; 3];
            flags[at] |= CHANGED;
            assert_eq!(dump(flags), None);
        }
    }

    #[test]
    fn an_error_is_the_kernels_own() {
        assert!(result(&0u32.to_ne_bytes()).is_ok());
        let error = result(&(-16i32).to_ne_bytes()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY));
    }
}
