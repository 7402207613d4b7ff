//! Enforcement that an instance which is gone has left.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use ndpi_common::{Live, Switches, TICK_NS, WhenGone, tick_of};
use ndpi_kernel::pinned::Pinned;
use ndpi_kernel::{Clock, MapError, detach_command, ktime_ns};
use ndpi_text::clean;

use super::ago::ago;
use crate::record::Time;

/// What is enforced of an instance that is gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Left {
    /// When it was last there, if it came to say so.
    pub(super) since: Option<Time>,
    /// The interfaces on which its programs are, each once.
    pub(super) interfaces: Vec<String>,
    /// Whether it dropped nothing.
    pub(super) dry_run: bool,
    /// What is done with flows without a verdict.
    pub(super) undecided: Undecided,
}

/// What is done with flows without a verdict of an instance that is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Undecided {
    /// They pass.
    #[default]
    Pass,
    /// They are dropped, but pass as long as the process has not been gone for so many seconds.
    Dropped {
        /// 0 where it has been for longer.
        in_seconds: u32,
    },
}

impl Undecided {
    /// By what the programs go by, at this tick.
    fn of(live: &Live, tick: u32) -> Self {
        let drops = match WhenGone::of(live.fixed) {
            WhenGone::Keep => live.switches & Switches::DROP_OVER_BUDGET != 0,
            WhenGone::Open => false,
            WhenGone::Closed => true,
        };
        if !drops || live.heartbeat == 0 {
            return Self::Pass;
        }
        let gone = tick.saturating_sub(live.heartbeat);
        let ticks_left = (live.gone_after + 1).saturating_sub(gone);
        Self::Dropped { in_seconds: ticks_left.div_ceil(tick_of(1_000_000_000)) }
    }
}

impl Undecided {
    /// What is done with them now, in JSON.
    pub(super) fn now(self) -> &'static str {
        match self {
            Self::Dropped { in_seconds: 0 } => "dropped",
            Self::Pass | Self::Dropped { .. } => "passed",
        }
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("they pass"),
            Self::Dropped { in_seconds: 0 } => f.write_str("they are dropped"),
            Self::Dropped { in_seconds } => {
                write!(f, "they are dropped from {in_seconds} seconds from now on")
            }
        }
    }
}

impl Left {
    /// By what it has pinned.
    pub(crate) fn of(pinned: &Pinned) -> Result<Self, MapError> {
        let live = pinned.live.read()?;
        let Live { heartbeat, fixed, .. } = live;
        let time = |tick: u32| Time::from_ns(Clock::new().epoch_ns(u64::from(tick) * TICK_NS));
        let since = (heartbeat != 0).then(|| time(heartbeat));
        let interfaces: BTreeSet<_> =
            pinned.links.iter().map(|link| clean(&link.interface)).collect();
        let dry_run = fixed & Switches::DRY_RUN != 0;
        let undecided = Undecided::of(&live, tick_of(ktime_ns()));
        let interfaces = interfaces.into_iter().map(Into::into).collect();
        Ok(Self { since, interfaces, dry_run, undecided })
    }

    /// What is enforced without the process that is called `pid` and has its pins in `pins`, since when, and how
    /// that ends.
    pub(crate) fn text(&self, pid: &str, pins: &Path) -> String {
        let since = self.since.map(|since| format!(", for {}", ago(since, Time::now())));
        let gone = format!("ndpi-xdp is not running{}: the one", since.unwrap_or_default());
        let what_to_do = format!(
            "Start it again, and it goes on from there: ndpi-xdp run; or end that: {}",
            detach_command(pins)
        );
        if self.interfaces.is_empty() {
            return format!(
                "{gone} with these maps{pid} is gone, and its programs with it, but for filters at clsact (Linux \
                 before 6.6). {what_to_do}"
            );
        }
        let interfaces = self.interfaces.join(", ");
        let (enforced, undecided) = if self.dry_run {
            let nothing = "Nothing is dropped there, as it was started with --dry-run: what was decided is counted";
            (nothing, Undecided::Pass)
        } else {
            ("What was decided is enforced there all the same", self.undecided)
        };
        format!(
            "{gone} whose programs are on {interfaces}{pid} is gone. {enforced}; new flows are not classified, and \
             {undecided}. {what_to_do}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undecided_flows_are_dropped_where_that_was_asked_for_and_not_at_once() {
        let live = |fixed, switches, heartbeat| Live {
            fixed,
            switches,
            heartbeat,
            gone_after: 600,
            ..Live::default()
        };
        let (policy, closed) = (Switches::DROP_OVER_BUDGET, Switches::GONE_CLOSED);
        let dropped = |in_seconds| Undecided::Dropped { in_seconds };
        for (live, tick, undecided) in [
            (live(0, 0, 100), 5000, Undecided::Pass),
            (live(Switches::GONE_OPEN, policy, 100), 5000, Undecided::Pass),
            (live(0, policy, 100), 5000, dropped(0)),
            (live(closed, 0, 100), 701, dropped(0)),
            (live(closed, 0, 100), 700, dropped(1)),
            (live(closed, 0, 100), 101, dropped(60)),
            (live(closed, 0, 0), 5000, Undecided::Pass),
        ] {
            assert_eq!(Undecided::of(&live, tick), undecided, "{live:?} at {tick}");
        }
    }
}
