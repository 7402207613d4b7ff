//! What is to be done, the same for all worlds and threads.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

use anyhow::{Result, anyhow};
use ndpi::{Engine, Library, SharedCaches};

use super::arguments::{Format, PcapArguments};
use crate::classify::{Keeper, Settings};
use crate::commands::NdpiOptions;
use crate::flow::Timeouts;
use crate::policy::{self, Policy, Support, Vocabulary};
use crate::record::Names;
use crate::verdict::Verdict;

/// The arguments, checked, and what was made of them.
pub(super) struct Job {
    /// Each world's captures.
    pub(super) worlds: Vec<Vec<PathBuf>>,
    pub(super) format: Format,
    pub(super) tunnels: bool,
    pub(super) settings: Settings,
    pub(super) threads: usize,
    pub(super) rows: usize,
    pub(super) policy: Option<Policy>,
    pub(super) names: Names,
    library: Library,
    options: NdpiOptions,
    /// The engine that names were taken from: the first to ask gets it.
    first_engine: Mutex<Option<Engine>>,
}

impl Job {
    pub(super) fn new(arguments: PcapArguments) -> Result<Self> {
        let library = arguments.ndpi.library()?;
        let engine = arguments.ndpi.engine(&library)?;
        let policy = match &arguments.policy {
            None => None,
            Some(path) => Some(
                policy::load(path, &Vocabulary::of(&engine), Support::THIS_BUILD)
                    .map_err(|diagnostics| anyhow!("{diagnostics}"))?,
            ),
        };
        let format = arguments.format();
        let worlds = worlds(arguments.files, arguments.join);
        Ok(Self {
            format,
            tunnels: arguments.tunnels,
            settings: Settings {
                timeouts: (!arguments.whole_capture).then(Timeouts::default),
                keeper: Keeper::Classifier,
                max_flows: arguments.max_flows.get(),
            },
            threads: threads(arguments.threads, worlds.len()),
            rows: arguments.rows.get(),
            names: Names::of(&engine),
            worlds,
            policy,
            library,
            options: arguments.ndpi,
            first_engine: Mutex::new(Some(engine)),
        })
    }

    /// Whether records tell of tunnels.
    pub(super) fn shows_tunnels(&self) -> bool {
        self.tunnels && self.format != Format::Text
    }

    /// A fresh engine.
    pub(super) fn engine(&self) -> Result<Engine> {
        let first = self.first_engine.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.map_or_else(|| self.options.engine(&self.library), Ok)
    }

    /// Fresh engines that share what they learn of peers.
    pub(super) fn sharing_engines(&self) -> Result<Vec<Engine>> {
        let caches: SharedCaches = self.library.shared_caches()?;
        (0..self.threads).map(|_| self.options.sharing_engine(&caches)).collect()
    }

    /// The name of a rule of the policy, or of its default.
    pub(super) fn rule_name(&self, verdict: Verdict) -> Option<&str> {
        Some(self.policy.as_ref()?.rule_name(verdict))
    }
}

fn worlds(files: Vec<PathBuf>, join: bool) -> Vec<Vec<PathBuf>> {
    if join { vec![files] } else { files.into_iter().map(|file| vec![file]).collect() }
}

/// As many as asked for; else one for each world, as far as there are CPUs.
fn threads(asked: Option<NonZeroUsize>, worlds: usize) -> usize {
    let cpus = || available_parallelism().map_or(1, NonZeroUsize::get);
    asked.map_or_else(|| worlds.min(cpus()), NonZeroUsize::get)
}
