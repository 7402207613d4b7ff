//! The start of such a process, by an instance that still may.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, capabilities};

/// The command that it is: not for people.
pub(crate) const COMMAND: &str = "courier";

/// This program, whatever it is called by now.
const PROGRAM: &str = "/proc/self/exe";

/// The user and the group that own nothing.
const NOBODY: u32 = 65534;

/// Starts a process that brings records from `input` to a server, as nobody where this one is root. It ends when the
/// other end of `input` is closed.
pub(crate) fn start(input: OwnedFd) -> io::Result<()> {
    let mut command = Command::new(PROGRAM);
    command.arg(COMMAND).env_clear().current_dir("/");
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
