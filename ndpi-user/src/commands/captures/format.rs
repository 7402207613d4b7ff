//! Output formats for captures.

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Format {
    /// A summary for people.
    Text,
    /// JSON lines.
    Json,
    /// Comma-separated values.
    Csv,
}

impl Format {
    /// As the switches `--json` and `--csv` say, of which there is one at most.
    pub(in crate::commands) fn of(json: bool, csv: bool) -> Self {
        match (json, csv) {
            (true, _) => Self::Json,
            (_, true) => Self::Csv,
            _ => Self::Text,
        }
    }
}
