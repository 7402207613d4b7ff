//! The policy that a session starts with.

use std::io;
use std::sync::Arc;

use ndpi_policy::{Diagnostics, Files as _, Policy, Support, Vocabulary};
use ndpi_text::shown;

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
        let Some(path) = &self.policy else { return count_all(vocabulary) };
        if let Some(source) = &self.policy_from
            && !path.exists()
        {
            log::warn!(
                "there is no {} yet: nothing is blocked until a policy comes from {source}",
                shown(path)
            );
            // It is watched from here on.
            let _ = files.read(path, 0);
            return count_all(vocabulary);
        }
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

/// The policy where there is none.
fn count_all(vocabulary: &Vocabulary) -> Option<Arc<Policy>> {
    let policy = ndpi_policy::parse(
        "(no policy)".as_ref(),
        "default = \"count\"\n",
        vocabulary,
        Support::THIS_BUILD,
        &|_| Err(io::ErrorKind::NotFound.into()),
    );
    policy.ok().map(Arc::new)
}

/// Says what is wrong with a policy, but nothing of what not everybody may read.
fn say_problems(diagnostics: &Diagnostics) {
    if !diagnostics.problems().is_empty() {
        let diagnostics = without_private_lines(diagnostics.clone());
        logging::say(&format!("{}\n", diagnostics.render(false)));
    }
}
