//! The policy that a session starts with.

use std::io;
use std::sync::Arc;

use ndpi_policy::{Diagnostics, Policy, Support, Vocabulary};

use super::options::Options;
use crate::logging;
use crate::policy_files::{PolicyFiles, without_private_lines};

impl Options {
    /// The policy; `None` when its problems were printed.
    pub(super) fn read_policy(
        &self,
        vocabulary: &Vocabulary,
        files: &PolicyFiles,
    ) -> Option<Arc<Policy>> {
        let Some(path) = &self.policy else {
            let policy = ndpi_policy::parse(
                "(no policy)".as_ref(),
                "default = \"count\"\n",
                vocabulary,
                Support::THIS_BUILD,
                &|_| Err(io::ErrorKind::NotFound.into()),
            );
            return policy.ok().map(Arc::new);
        };
        match ndpi_policy::load(path, vocabulary, Support::THIS_BUILD, files) {
            Ok(policy) => {
                say_problems(policy.diagnostics());
                Some(Arc::new(policy))
            }
            Err(diagnostics) => {
                say_problems(&diagnostics);
                None
            }
        }
    }
}

/// Says what is wrong with a policy, but nothing of what not everybody may read.
fn say_problems(diagnostics: &Diagnostics) {
    if !diagnostics.problems().is_empty() {
        let diagnostics = without_private_lines(diagnostics.clone());
        logging::say(&format!("{}\n", diagnostics.render(false)));
    }
}
