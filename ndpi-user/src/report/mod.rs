//! Reports of classified flows: tables for a person, and comma-separated values.

mod slowest;
mod statistics;
mod summary;
pub(crate) mod table;
mod text;
mod transfer;
pub(crate) mod units;

pub use slowest::{SlowFlow, Slowest};
pub use statistics::statistics_table;
pub(crate) use statistics::{hook_name, outcome_name};
pub use summary::{Ruled, Summary, Tally};
pub use text::{CaptureReport, Report};
