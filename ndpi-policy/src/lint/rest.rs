//! Flows that no rule matches.

use crate::diagnose::Problem;
use crate::parsed::Parsed;

/// A default that blocks, with nothing said of the flows that nDPI does not know.
pub(super) fn unknown_passes(parsed: &Parsed) -> Option<Problem> {
    let place =
        parsed.default_place.filter(|_| parsed.default.blocks() && !parsed.says_undecided)?;
    let message = format!(
        "`default = \"{}\"` is for flows of known applications: those that stay Unknown, or are guessed \
         from a port alone, pass",
        parsed.default.name()
    );
    let help = "to block them, too, write below it: undecided = \"drop\"; to let them pass knowingly: \
                undecided = \"pass\"";
    Some(Problem::hint("undecided-passes", place, message).help(help))
}
