//! The kernel's statistics, for a person.

use std::fmt;

use ndpi_common::{Hook, Outcome};

use ndpi_kernel::Statistics;

use super::table::{Align, Table};
use super::units;

const COLUMNS: [(&str, Align); 5] = [
    ("hook", Align::Left),
    ("outcome", Align::Left),
    ("reason", Align::Left),
    ("packets", Align::Right),
    ("bytes", Align::Right),
];

/// Why packets left the programs the way they did, as a table with a sum for each hook.
pub fn statistics_table(statistics: &Statistics) -> impl fmt::Display + '_ {
    fmt::from_fn(|f| {
        let mut table = Table::new(&COLUMNS);
        let mut row = |cells: [&str; 3], packets, bytes| {
            let counts = [units::grouped(packets), units::bytes(bytes)];
            table.row(cells.map(str::to_owned).into_iter().chain(counts));
        };
        for (hook, outcome, reason, stat) in statistics.iter() {
            let why = [hook_name(hook), outcome_name(outcome), reason.name()];
            row(why, stat.packets, stat.bytes);
        }
        for hook in [Hook::Xdp, Hook::Tc] {
            let seen = statistics.seen(hook);
            row([hook_name(hook), "seen", ""], seen.packets, seen.bytes);
        }
        write!(f, "{table}")
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
