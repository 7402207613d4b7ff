//! The policy that a session starts with.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use ndpi_policy::{Diagnostics, Files, InForce, Policy, Support, Vocabulary, hand_over, read};
use ndpi_text::shown;

use super::options::Options;
use crate::logging;
use crate::policy_files::{PolicyFiles, without_private_lines};
use crate::policy_reader::{Bounds, PolicyReader, Processes};

impl Options {
    /// Who reads policies. To be called before there are threads.
    ///
    /// # Errors
    /// There can be no process.
    pub(super) fn policy_readers(&self, vocabulary: &Vocabulary) -> Result<Readers> {
        if !self.sandbox || self.policy.is_none() {
            return Ok(Readers::Here);
        }
        let bounds = Bounds::beside(self.memory_max);
        let reader = PolicyReader::fork(bounds, &|path, before, files, to| {
            hand_over(&read(path, before, vocabulary, Support::THIS_BUILD, files), to)
        });
        let reader = reader.context("cannot start the process that is to read policies")?;
        Ok(Readers::Apart(Arc::new(reader)))
    }

    /// The policy; `None` when its problems were printed.
    pub(super) fn read_policy(
        &self,
        vocabulary: &Vocabulary,
        files: &PolicyFiles,
        reader: &Readers,
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
        match reader.read(path, None, vocabulary, files) {
            Err(why) => {
                log::error!("the policy {} is not read: {why}", shown(path));
                None
            }
            Ok(Ok(policy)) => {
                say_problems(policy.diagnostics());
                Some(Arc::new(policy))
            }
            Ok(Err(diagnostics)) => {
                say_problems(&diagnostics);
                None
            }
        }
    }
}

/// Who reads policies.
#[derive(Clone, Debug)]
pub(super) enum Readers {
    /// Children of a process without rights.
    Apart(Arc<PolicyReader>),
    /// This process, with `--no-sandbox`.
    Here,
}

impl Readers {
    /// The processes that have policies read, where those are others.
    pub(super) fn processes(&self) -> Option<Processes> {
        match self {
            Self::Apart(reader) => Some(reader.processes()),
            Self::Here => None,
        }
    }

    /// Says from here on how those were ended.
    ///
    /// # Errors
    /// There can be no thread.
    pub(super) fn watch(&self) -> io::Result<()> {
        match self {
            Self::Apart(reader) => reader.watch(),
            Self::Here => Ok(()),
        }
    }

    /// The policy at `path`, in place of one that has what `before` says, or what is wrong with it.
    ///
    /// # Errors
    /// Nobody can read it: in words.
    pub(super) fn read(
        &self,
        path: &Path,
        before: Option<InForce>,
        vocabulary: &Vocabulary,
        files: &dyn Files,
    ) -> Result<Result<Policy, Diagnostics>, String> {
        let outcome = match self {
            Self::Apart(reader) => reader.read(path, before, files)?,
            Self::Here => read(path, before.as_ref(), vocabulary, Support::THIS_BUILD, files),
        };
        Ok(outcome.map(|read| read.index(vocabulary)))
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
