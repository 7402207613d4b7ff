//! The place that a keeper has with the session, and leaves to its spare.

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::process::Pid;

/// The place.
#[derive(Debug)]
pub(super) struct Post {
    /// Each byte asks for the worker's end; it is closed at the other end when the session is over.
    pub(super) orders: File,
    /// The session sees by it that there is a keeper.
    pub(super) alive: OwnedFd,
    pub(super) session: Pid,
    /// Bytes of data that a worker may have at most, whatever is made of it; `None` for as many as it likes.
    pub(super) memory_max: Option<u64>,
}
