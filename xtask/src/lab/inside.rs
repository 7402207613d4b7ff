//! Sockets of the lab's own in its namespaces.

use std::io;

use anyhow::{Context as _, Result};
use testkit::namespace::Namespace;

/// What `open` opens inside. A socket belongs to the namespace it was opened in, wherever it is used
/// later.
pub(crate) fn inside<T: Send>(
    namespace: &Namespace,
    open: impl FnOnce() -> io::Result<T> + Send,
) -> Result<T> {
    let opened = namespace.inside(open)?;
    opened.with_context(|| format!("cannot open a socket in {}", namespace.name()))
}
