//! The options of `run` on what holds when the process is gone.

use clap::{Args, ValueEnum};
use ndpi_common::{SILENCE_TICKS, WhenGone, tick_of};

/// The seconds after which nothing is shown to a process that gives no sign of life.
const SILENCE_SECONDS: u32 = SILENCE_TICKS / tick_of(1_000_000_000);

/// What is done with undecided flows without this process, and when.
#[derive(Args, Clone, Debug)]
pub(super) struct GoneOptions {
    /// What is done with flows without a verdict when this process is gone (killed, crashed, stopped with --keep) or
    /// hangs; verdicts that stand are enforced in any case
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = What::Keep)]
    when_gone: What,

    /// Seconds without a sign of life after which --when-gone holds
    #[arg(long, value_name = "SECONDS", default_value_t = SILENCE_SECONDS,
          value_parser = clap::value_parser!(u32).range(i64::from(SILENCE_SECONDS)..=604_800))]
    gone_after: u32,
}

/// What is done with undecided flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// What the policy says of undecided flows.
    Keep,
    /// They pass.
    Open,
    /// They are dropped.
    Closed,
}

impl GoneOptions {
    /// What is switched on for it.
    pub(super) fn switches(&self) -> u32 {
        let when_gone = match self.when_gone {
            What::Keep => WhenGone::Keep,
            What::Open => WhenGone::Open,
            What::Closed => WhenGone::Closed,
        };
        when_gone.switches()
    }

    /// After how many ticks that holds.
    pub(super) fn ticks(&self) -> u32 {
        tick_of(u64::from(self.gone_after) * 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ndpi_common::Switches;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        gone: GoneOptions,
    }

    fn gone(words: &str) -> Option<(u32, u32)> {
        let program = Program::try_parse_from(format!("run {words}").split_whitespace()).ok()?;
        Some((program.gone.switches(), program.gone.ticks()))
    }

    #[test]
    fn nobody_is_gone_who_may_only_be_busy() {
        assert_eq!(gone(""), Some((0, SILENCE_TICKS)));
        assert_eq!(gone("--when-gone open --gone-after 60"), Some((Switches::GONE_OPEN, 600)));
        assert_eq!(gone("--when-gone closed"), Some((Switches::GONE_CLOSED, SILENCE_TICKS)));
        assert_eq!(gone("--gone-after 9"), None);
        assert_eq!(gone("--gone-after 604801"), None);
    }
}
