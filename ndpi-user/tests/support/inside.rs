//! Doing things inside a network namespace.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::namespace::Namespace;

/// What `task` returns when it runs in a network namespace; a socket that it opens stays there.
pub(crate) fn inside<T: Send>(namespace: &Namespace, task: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/run/netns/{}", namespace.name())).unwrap();
    // A thread of its own, which takes its namespace with it when it ends.
    let entered = || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        task()
    };
    thread::scope(|scope| scope.spawn(entered).join().unwrap())
}
