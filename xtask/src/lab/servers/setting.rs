//! The network, folder and names that servers are started with.

use std::path::Path;

use testkit::namespace::Namespace;

/// What starting a server needs.
pub(super) struct Setting<'a> {
    pub(super) server: &'a Namespace,
    /// For configurations, keys, logs.
    pub(super) folder: &'a Path,
    /// The names that lead to the server.
    pub(super) names: &'a [&'a str],
}
