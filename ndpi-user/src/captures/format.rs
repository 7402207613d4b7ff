//! Output formats for captures.

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A summary for people.
    Text,
    /// JSON lines.
    Json,
    /// Comma-separated values.
    Csv,
}
