//! The thread that says how the processes which have policies read were ended.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpgid};

use super::post::is_served;
use crate::apart::how;

/// Says it of all of this group, until none is left.
///
/// # Errors
/// There can be no thread.
pub(super) fn watch(post: Arc<OwnedFd>, group: Pid) -> io::Result<()> {
    let thread = thread::Builder::new().name("policies".into());
    thread.spawn(move || run(&post, group)).map(drop)
}

fn run(post: &OwnedFd, group: Pid) {
    let mut ended = None;
    while let Some(status) = next(group) {
        ended = Some(status);
        if is_orderly(status) {
            continue;
        }
        let how = how(status.terminating_signal().unwrap_or(0));
        let then = if is_served(post) { ", and another takes its place" } else { "" };
        log::warn!("a process that has policies read {how}{then}");
    }
    if ended.is_some_and(|last| !is_orderly(last)) {
        log::error!(
            "nobody is left who reads policies: the one in force stays, and each other one is refused until ndpi-xdp is \
             started again"
        );
    }
}

/// Waits for the end of one of a group; nothing where there is none.
fn next(group: Pid) -> Option<WaitStatus> {
    loop {
        match waitpgid(group, WaitOptions::empty()) {
            Ok(Some((_, status))) => return Some(status),
            Ok(None) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Whether it has ended as the session's post was closed.
fn is_orderly(status: WaitStatus) -> bool {
    status.exit_status() == Some(0)
}
