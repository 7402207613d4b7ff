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

    /// The same without dropping anything, where that is only tried.
    #[inline(always)]
    #[must_use]
    pub const fn spared_if(self, dry_run: bool) -> Self {
        match self {
            Self::Drop(reason) if dry_run => Self::Pass(reason),
            _ => self,
        }
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

#[cfg(test)]
mod tests {
    use super::Disposition;
    use crate::Reason;

    #[test]
    fn a_dry_run_passes_what_would_be_dropped_under_the_same_reason() {
        for reason in [Reason::Drop, Reason::Limit, Reason::FragmentUnknown] {
            let dropped = Disposition::Drop(reason);
            assert!(dropped.spared_if(true) == Disposition::Pass(reason));
            assert!(dropped.spared_if(false) == dropped);
            assert!(Disposition::Redirect(reason).spared_if(true) == Disposition::Redirect(reason));
        }
    }
}
