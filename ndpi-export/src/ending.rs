//! How the writing ended.

use std::fmt;

/// The end of a sink: whether all its records were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Where they were to go.
    pub name: String,
    /// Records that were not written.
    pub lost: u64,
    /// Nobody can read what is written: the reader is gone.
    pub closed: bool,
    /// The last records are among the lost ones: the target had stopped taking any.
    pub cut: bool,
    /// Why it took none, where that was an error.
    pub failure: Option<String>,
}

impl Ending {
    /// Whether an error kept the last records from being written.
    pub fn is_failure(&self) -> bool {
        self.cut && self.failure.is_some()
    }
}

/// What there is to say of records that were not written; nothing where all were.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, lost, closed, cut, failure } = self;
        match failure {
            _ if *lost == 0 => Ok(()),
            _ if *closed => write!(f, "{lost} records were not written: {name} is closed"),
            Some(error) if *cut => {
                write!(f, "{lost} records could not be written to {name}: {error}")
            }
            _ if *cut => write!(f, "{lost} records were not written: {name} takes nothing more"),
            _ => write!(f, "{lost} records were lost: whoever reads {name} was too slow"),
        }
    }
}
