//! How a packet leaves the programs.

use crate::{Outcome, Reason};

/// What is done with a packet, and why. Each hook maps it to an answer of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum Disposition {
    /// It goes on to the next program, then to the stack or the wire.
    Pass(Reason),
    /// It is dropped.
    Drop(Reason),
    /// It is sent out of the other end of the wire.
    Redirect(Reason),
    /// The same, by the program for TC at ingress: to this hook it passes.
    RedirectAtTc(Reason),
}

impl Disposition {
    /// Drops the packet, or passes it.
    #[inline(always)]
    pub const fn drop_if(drops: bool, reason: Reason) -> Self {
        if drops { Self::Drop(reason) } else { Self::Pass(reason) }
    }

    /// Whether the packet is dropped.
    #[inline(always)]
    pub const fn drops(self) -> bool {
        matches!(self, Self::Drop(_))
    }

    /// Under which outcome it is counted.
    #[inline(always)]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Pass(_) => Outcome::Passed,
            Self::Drop(_) => Outcome::Dropped,
            Self::Redirect(_) | Self::RedirectAtTc(_) => Outcome::Redirected,
        }
    }

    /// Under which reason it is counted.
    #[inline(always)]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Pass(reason)
            | Self::Drop(reason)
            | Self::Redirect(reason)
            | Self::RedirectAtTc(reason) => reason,
        }
    }
}
