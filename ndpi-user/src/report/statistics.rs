//! The kernel's statistics, for a person.

use std::fmt;

use ndpi_common::{Hook, Outcome};

use ndpi_kernel::Statistics;

/// Why packets left the programs the way they did, as a table with a sum for each hook.
pub fn statistics_table(statistics: &Statistics) -> impl fmt::Display + '_ {
    fmt::from_fn(|f| {
        writeln!(
            f,
            "{:<8} {:<10} {:<20} {:>12} {:>16}",
            "hook", "outcome", "reason", "packets", "bytes"
        )?;
        for (hook, outcome, reason, stat) in statistics.iter() {
            let (hook, outcome) = (hook_name(hook), outcome_name(outcome));
            let reason = reason.name();
            writeln!(
                f,
                "{hook:<8} {outcome:<10} {reason:<20} {:>12} {:>16}",
                stat.packets, stat.bytes
            )?;
        }
        [Hook::Xdp, Hook::Tc].into_iter().try_for_each(|hook| {
            let seen = statistics.seen(hook);
            let name = hook_name(hook);
            writeln!(
                f,
                "{name:<8} {:<10} {:<20} {:>12} {:>16}",
                "seen", "", seen.packets, seen.bytes
            )
        })
    })
}

/// What a hook is called.
pub(crate) fn hook_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Xdp => "ingress",
        Hook::Tc => "egress",
    }
}

/// What an outcome is called.
pub(crate) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Dropped => "dropped",
        Outcome::Redirected => "redirected",
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::Reason;

    #[test]
    fn every_reason_is_explained_to_whoever_operates_it() {
        const PAGE: &str = include_str!("../../../docs/operate.md");
        for reason in Reason::ALL {
            let row = format!("| `{}` |", reason.name());
            assert_eq!(PAGE.matches(&row).count(), 1, "{row}");
        }
    }
}
