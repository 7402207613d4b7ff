//! The error of what no server takes.

/// What no server takes: it closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;
