//! Problems of a policy, as commands report them.

use anyhow::anyhow;
use ndpi_policy::{Diagnostics, Policy};

use super::private::for_caller_of_sudo;
use crate::files::Onlooker;
use crate::logging;

/// Says what is suspicious about a policy that is used all the same.
pub(crate) fn say_warnings(policy: &Policy) {
    if !policy.diagnostics().problems().is_empty() {
        let diagnostics = policy.diagnostics().clone();
        let diagnostics = for_caller_of_sudo(diagnostics, Onlooker::behind_sudo().as_ref());
        logging::say(&format!("{}\n", diagnostics.render(false)));
    }
}

/// What is wrong with a policy, as an error; without lines that whoever called sudo may not read.
pub(crate) fn unusable(problems: Diagnostics) -> anyhow::Error {
    anyhow!("{}", for_caller_of_sudo(problems, Onlooker::behind_sudo().as_ref()))
}
