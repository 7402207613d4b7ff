//! The start of such processes, by an instance that still may.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, capabilities};

/// The commands that they are: not for people.
const COURIER: &str = "courier";
const FOLLOWER: &str = "follower";

/// This program, whatever it is called by now.
const PROGRAM: &str = "/proc/self/exe";

/// The user and the group that own nothing.
const NOBODY: u32 = 65534;

/// Starts a process that brings records from `input` to a server.
pub(crate) fn start_courier(input: OwnedFd) -> io::Result<()> {
    start(COURIER, input)
}

/// Starts a process that brings policies from a server to the other end of `input`.
pub(crate) fn start_follower(input: OwnedFd) -> io::Result<()> {
    start(FOLLOWER, input)
}

/// Starts one, as nobody where this one is root. It ends when the other end of `input` is closed.
fn start(name: &str, input: OwnedFd) -> io::Result<()> {
    let mut command = Command::new(PROGRAM);
    command.arg(name).env_clear().current_dir("/");
    command.stdin(input).stdout(Stdio::null());
    if can_become_another()? {
        // No group of root's is left then either.
        command.gid(NOBODY).uid(NOBODY);
    }
    // Nobody waits for it: it outlives this process by a moment at most.
    command.spawn().map(drop)
}

fn can_become_another() -> io::Result<bool> {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
    Ok(geteuid().is_root() && capabilities(None)?.effective.contains(needed))
}
