//! How a child has ended.

use signal_hook::low_level::signal_name;

/// The end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It has read the policy.
    Done,
    /// By a signal.
    Signal(i32),
    /// In some other way.
    Failed,
    /// It was ended, as it took too long.
    TooLong,
}

impl End {
    /// As it is said to the session.
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Signal(signal) => signal,
            Self::Failed => -1,
            Self::TooLong => -2,
        }
    }

    pub(super) fn of(number: i32) -> Self {
        match number {
            0 => Self::Done,
            -2 => Self::TooLong,
            1.. => Self::Signal(number),
            _ => Self::Failed,
        }
    }

    /// What that says of the policy; nothing where it was read.
    pub(super) fn explain(self) -> Result<(), String> {
        Err(match self {
            Self::Done => return Ok(()),
            Self::Signal(libc::SIGXCPU) => {
                "it takes more processor time than any policy may".into()
            }
            Self::Signal(libc::SIGABRT) => "it takes more memory than any policy may".into(),
            Self::Signal(signal) => match signal_name(signal) {
                Some(name) => format!("it ends who reads it by {name}"),
                None => format!("it ends who reads it by signal {signal}"),
            },
            Self::Failed => "it ends who reads it by a fault of ndpi-xdp".into(),
            Self::TooLong => "it takes longer to read than any policy may".into(),
        })
    }
}
