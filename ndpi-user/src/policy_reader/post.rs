//! The post between the session and whoever forks those which read: requests, and which processes there are.
//!
//! Whoever has a request has its end of it as well: where that is closed without a word, the request went with it. The
//! socket stays open as long as there is a spare, which takes from it what comes next.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, IoSliceMut, write};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, sendmsg, socketpair,
};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, getpid};

use crate::locked::locked;

/// A reading that is asked for.
#[derive(Debug)]
pub(super) struct Request {
    /// Where the child is told what to read.
    pub(super) child: OwnedFd,
    /// Where it is said how the child has ended.
    pub(super) answer: OwnedFd,
}

/// The same, for whoever has asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) child: OwnedFd,
    pub(super) answer: OwnedFd,
}

impl Request {
    /// Asks for one.
    ///
    /// # Errors
    /// Nobody is there, or there are no descriptors.
    pub(super) fn send(post: &OwnedFd) -> io::Result<Asked> {
        let ((ours, its), (answer, said)) = (pair()?, pipe_with(PipeFlags::CLOEXEC)?);
        let both = [its.as_fd(), said.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut others = SendAncillaryBuffer::new(&mut space);
        others.push(SendAncillaryMessage::ScmRights(&both));
        sendmsg(post, &[IoSlice::new(&[0])], &mut others, SendFlags::NOSIGNAL)?;
        Ok(Asked { child: ours, answer })
    }

    /// The next one; nothing where the session is gone.
    ///
    /// # Errors
    /// `post` is no socket, or what comes is no request.
    pub(super) fn receive(post: &OwnedFd) -> io::Result<Option<Self>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut others = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        loop {
            match recvmsg(
                post,
                &mut [IoSliceMut::new(&mut byte)],
                &mut others,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(Errno::INTR) => {}
                Ok(message) if message.bytes == 0 => return Ok(None),
                message => {
                    message?;
                    break;
                }
            }
        }
        let mut received = others.drain().filter_map(|it| match it {
            RecvAncillaryMessage::ScmRights(both) => Some(both),
            _ => None,
        });
        let mut both = received.next().into_iter().flatten();
        let (child, answer) = (both.next(), both.next());
        let request = child.zip(answer).map(|(child, answer)| Self { child, answer });
        request.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// Two ends of a socket that keeps messages apart.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (domain, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    Ok(socketpair(domain, kind, SocketFlags::CLOEXEC, None)?)
}

/// Whether anybody has the other end.
pub(super) fn is_served(post: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(post, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec::default())) == Ok(0)
}

/// Says that this process has the post, and which one is its spare.
pub(super) fn say_processes(post: &OwnedFd, spare: Option<Pid>) {
    // Where there is no room, nobody wants to know.
    let mut fds = [PollFd::new(post, PollFlags::OUT)];
    if poll(&mut fds, Some(&Timespec::default())) == Ok(1) {
        let both = [getpid().as_raw_pid(), Pid::as_raw(spare)].map(i32::to_ne_bytes);
        let _ = write(post, both.as_flattened());
    }
}

/// Which processes have policies read, for whoever wants to see what they take of memory.
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    post: Arc<OwnedFd>,
    /// As they were said last.
    last: Arc<Mutex<[u32; 2]>>,
}

impl Processes {
    pub(super) fn of(post: Arc<OwnedFd>) -> Self {
        Self { post, last: Arc::default() }
    }

    /// The one that forks those which read, and its spare: 0 where there is none yet.
    pub(crate) fn now(&self) -> [u32; 2] {
        let (mut last, mut both) = (locked(&self.last), [[0; 4]; 2]);
        loop {
            match recv(&*self.post, both.as_flattened_mut(), RecvFlags::DONTWAIT) {
                Ok((_, 8)) => *last = both.map(u32::from_ne_bytes),
                Err(Errno::INTR) => {}
                _ => return *last,
            }
        }
    }
}
