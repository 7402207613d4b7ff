//! Sockets of the lab's own in its namespaces.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::namespace::Namespace;

/// What `open` opens inside. A socket belongs to the namespace it was opened in, wherever it is used
/// later.
pub(crate) fn inside<T: Send>(
    namespace: &Namespace,
    open: impl FnOnce() -> io::Result<T> + Send,
) -> Result<T> {
    let file = File::open(Path::new("/run/netns").join(namespace.name()))?;
    // A thread of its own, which takes its namespace with it when it ends.
    let entered = || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
        open()
    };
    let opened = thread::scope(|scope| scope.spawn(entered).join());
    let opened = opened.map_err(|_| anyhow::anyhow!("a thread inside panicked"))?;
    opened.with_context(|| format!("cannot open a socket in {}", namespace.name()))
}
