//! A network namespace for the calling thread, with a pair of interfaces in it.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// The thread's own namespace until dropped: loopback and `left` – `right`, both up. The kernel
/// removes it with what is in it when the thread has left it.
pub struct ThreadNamespace {
    before: File,
}

impl ThreadNamespace {
    /// Makes the namespace and moves this thread into it.
    pub fn enter() -> Self {
        let before = File::open("/proc/thread-self/ns/net").expect("this thread's namespace");
        // SAFETY: only the network namespace changes, which no memory of this process depends on.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }.expect("a new namespace");
        let namespace = Self { before };
        ip("link set lo up");
        ip("link add left type veth peer name right");
        ip("link set left up");
        ip("link set right up");
        namespace
    }
}

impl Drop for ThreadNamespace {
    fn drop(&mut self) {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(self.before.as_fd(), kind).expect("the namespace of before");
    }
}

/// Runs ip(8) in the thread's namespace.
pub fn ip(arguments: &str) {
    run("ip", arguments);
}

/// Runs a program in the thread's namespace and gives what it printed.
pub fn run(program: &str, arguments: &str) -> String {
    // The folders of programs for administration, which not every PATH has.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program)
        .env("PATH", path)
        .args(arguments.split_whitespace())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
